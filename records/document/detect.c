#include "records/document/detect.h"
#include <stdint.h>
#include <string.h>

enum { T_JPEG, T_PNG, T_GIF, T_WEBP, T_BMP, T_TIFF, T_PDF, T_DICOM, T_SCP, T_AECG, T_SIERRA, T_EDF, T_WFDB, T_MP4, T_QUICKTIME, T_HEIC,
       T_WEBM, T_WEBA, T_MKV, T_WAV, T_MP3, T_OGG, T_M4A, T_FLAC, T_AMR, T_DOCX, T_XLSX, T_PPTX, T_ZIP, T_UNKNOWN };

static const struct file_type types[] = {
    [T_JPEG] = {"jpeg", "image/jpeg", "image", "jpg", true, true},
    [T_PNG] = {"png", "image/png", "image", "png", true, true},
    [T_GIF] = {"gif", "image/gif", "image", "gif", true, true},
    [T_WEBP] = {"webp", "image/webp", "image", "webp", true, true},
    [T_BMP] = {"bmp", "image/bmp", "image", "bmp", true, true},
    [T_TIFF] = {"tiff", "image/tiff", "image", "tif", false, true},
    [T_PDF] = {"pdf", "application/pdf", "pdf", "pdf", true, true},
    [T_DICOM] = {"dicom", "application/dicom", "dicom", "dcm", false, false},
    [T_SCP] = {"scp-ecg", "application/x-scp-ecg", "ecg", "scp", false, false},
    [T_AECG] = {"aecg", "application/x-aecg+xml", "ecg", "xml", false, false},
    [T_SIERRA] = {"sierra-ecg", "application/x-sierra-ecg+xml", "ecg", "xml", false, false},
    [T_EDF] = {"edf", "application/x-edf", "ecg", "edf", false, false},
    [T_WFDB] = {"wfdb", "application/x-wfdb-header", "ecg", "hea", false, false},
    [T_MP4] = {"mp4", "video/mp4", "video", "mp4", true, false},
    [T_QUICKTIME] = {"quicktime", "video/quicktime", "video", "mov", true, false},
    [T_HEIC] = {"heic", "image/heic", "image", "heic", false, false},
    [T_WEBM] = {"webm", "video/webm", "video", "webm", true, false},
    [T_WEBA] = {"webm-audio", "audio/webm", "audio", "weba", true, false},
    [T_MKV] = {"matroska", "video/x-matroska", "video", "mkv", true, false}, /* H.264 recordings; runs no script */
    [T_WAV] = {"wav", "audio/wav", "audio", "wav", true, false},
    [T_MP3] = {"mp3", "audio/mpeg", "audio", "mp3", true, false},
    [T_OGG] = {"ogg", "audio/ogg", "audio", "ogg", true, false},
    [T_M4A] = {"m4a", "audio/mp4", "audio", "m4a", true, false},
    [T_FLAC] = {"flac", "audio/flac", "audio", "flac", true, false},
    [T_AMR] = {"amr", "audio/amr", "audio", "amr", false, false},
    [T_DOCX] = {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "other", "docx", false, false},
    [T_XLSX] = {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "other", "xlsx", false, false},
    [T_PPTX] = {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation", "other", "pptx", false, false},
    [T_ZIP] = {"zip", "application/zip", "other", "zip", false, false},
    [T_UNKNOWN] = {"unknown", "application/octet-stream", "other", "bin", false, false},
};

struct head {
    const uint8_t *p;
    size_t len;
    unsigned long long size;
};

static bool at(const struct head *h, size_t offset, const char *text, size_t n)
{
    return h->len >= offset + n && memcmp(h->p + offset, text, n) == 0;
}
#define AT(h, offset, text) at(h, offset, text, sizeof(text) - 1)

static bool contains(const struct head *h, size_t within, const char *text)
{
    size_t n = h->len < within ? h->len : within;
    return n && memmem(h->p, n, text, strlen(text)) != NULL;
}

/* DICOM PS3.10 has a preamble and "DICM"; older files begin with a group 0002 or 0008 element at once. */
static bool dicom(const struct head *h)
{
    if (AT(h, 128, "DICM"))
        return true;
    if (h->len < 16 || h->p[1] != 0 || h->p[3] != 0)
        return false;
    if (h->p[0] != 2 && h->p[0] != 8)
        return false;
    if (h->p[2] > 0x18)
        return false;
    bool explicit_vr = h->p[4] >= 'A' && h->p[4] <= 'Z' && h->p[5] >= 'A' && h->p[5] <= 'Z';
    bool implicit_small = h->p[5] == 0 && h->p[6] == 0 && h->p[7] == 0 && h->p[4] > 0 && h->p[4] <= 0x40;
    return explicit_vr || implicit_small;
}

static uint32_t le32(const uint8_t *p)
{
    return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

/* SCP-ECG (EN 1064): CRC[2], record length[4], then section 0: CRC[2], id 0, length, versions, six reserved bytes that say
 * "SCPECG" from version 1.3 on. Without them, the first row of its pointer table must repeat section 0's id and length (handheld
 * makers leave the record length wrong, so that is not asked for). */
static bool scp(const struct head *h)
{
    if (AT(h, 16, "SCPECG"))
        return true;
    if (h->len < 72)
        return false;
    uint32_t section = le32(h->p + 10);
    bool version = h->p[14] >= 10 && h->p[14] <= 40 && h->p[15] >= 10 && h->p[15] <= 40;
    bool shape = section >= 66 && section <= 1016 && section % 2 == 0;
    return version && shape && h->p[8] == 0 && h->p[9] == 0 && h->p[22] == 0 && h->p[23] == 0 &&
           le32(h->p + 24) == section;
}

/* European Data Format: 256-byte ASCII head; "0       " then patient, dates dd.mm.yy hh.mm.ss at 168. BDF: 0xFF "BIOSEMI". */
static bool edf(const struct head *h)
{
    if (AT(h, 0, "\xff"
                 "BIOSEMI"))
        return true;
    if (!AT(h, 0, "0       ") || h->len < 256)
        return false;
    return h->p[170] == '.' && h->p[173] == '.' && h->p[178] == '.' && h->p[181] == '.';
}

/* WFDB header: text "name[/segments] signals frequency ..." then a line per signal with a file name that has the record's name
 * or ~. Only short printable text with that first line is taken. */
static bool wfdb(const struct head *h)
{
    size_t i = 0, n = h->len < 4096 ? h->len : 4096, words = 0;
    bool digits = true;
    for (size_t k = 0; k < n; k++)
        if (h->p[k] != '\n' && h->p[k] != '\r' && h->p[k] != '\t' && (h->p[k] < 0x20 || h->p[k] > 0x7e))
            return false;
    while (i < n && h->p[i] == '#') {
        while (i < n && h->p[i] != '\n')
            i++;
        i++;
    }
    for (size_t start = i; i < n && h->p[i] != '\n' && words < 3; i++) {
        bool blank = h->p[i] == ' ';
        if (!blank && words && !(h->p[i] >= '0' && h->p[i] <= '9') && !strchr("./()", h->p[i]))
            digits = false;
        if (blank && i > start && h->p[i - 1] != ' ')
            words++;
    }
    return words >= 2 && digits && (contains(h, 4096, ".dat ") || contains(h, 4096, "~ "));
}

static bool xml_with(const struct head *h, const char *root)
{
    size_t i = AT(h, 0, "\xef\xbb\xbf") ? 3 : 0;
    while (i < h->len && (h->p[i] == ' ' || h->p[i] == '\n' || h->p[i] == '\r' || h->p[i] == '\t'))
        i++;
    if (i >= h->len || h->p[i] != '<')
        return false;
    return contains(h, 8192, root);
}

/* The head of a UTF-16 document as bytes, so that a root element can be looked for; other heads as they are. */
static struct head narrow(const struct head *h, uint8_t out[4096])
{
    bool le = AT(h, 0, "\xff\xfe"), be = AT(h, 0, "\xfe\xff");
    if (!le && !be)
        return *h;
    size_t n = 0;
    for (size_t i = 2; i + 1 < h->len && n < 4096; i += 2) {
        uint8_t low = h->p[i + be], high = h->p[i + le];
        out[n++] = high ? '?' : low;
    }
    return (struct head){out, n, n};
}

static int iso_media(const struct head *h)
{
    if (!AT(h, 4, "ftyp") || h->len < 12 || h->p[0] || h->p[1]) /* the first box is short */
        return -1;
    if (AT(h, 8, "M4A ") || AT(h, 8, "M4B "))
        return T_M4A;
    if (AT(h, 8, "heic") || AT(h, 8, "heix") || AT(h, 8, "mif1") || AT(h, 8, "hevc"))
        return T_HEIC;
    return AT(h, 8, "qt  ") ? T_QUICKTIME : T_MP4;
}

static int zip_kind(const struct head *h)
{
    if (contains(h, DETECT_HEAD_BYTES, "word/"))
        return T_DOCX;
    if (contains(h, DETECT_HEAD_BYTES, "xl/workbook"))
        return T_XLSX;
    return contains(h, DETECT_HEAD_BYTES, "ppt/presentation") ? T_PPTX : T_ZIP;
}

/* An MPEG audio frame head whose version, layer, bitrate and rate are all assigned, or an ID3 tag. */
static bool mp3(const struct head *h)
{
    if (AT(h, 0, "ID3"))
        return true;
    if (h->len < 4 || h->p[0] != 0xFF || (h->p[1] & 0xE0) != 0xE0)
        return false;
    int version = h->p[1] >> 3 & 3, layer = h->p[1] >> 1 & 3, bitrate = h->p[2] >> 4, rate = h->p[2] >> 2 & 3;
    return version != 1 && layer == 1 && bitrate != 0 && bitrate != 15 && rate != 3;
}

static bool tiff(const struct head *h)
{
    return at(h, 0, "II*\0", 4) || at(h, 0, "MM\0*", 4) || at(h, 0, "II+\0", 4) || at(h, 0, "MM\0+", 4);
}

static bool bmp(const struct head *h)
{
    if (!AT(h, 0, "BM") || h->len < 18)
        return false;
    uint32_t size = le32(h->p + 2);
    return (size == h->size || size == 0) && h->p[14] >= 12 && h->p[14] <= 124 && h->p[15] == 0;
}

/* Where the EBML head (RFC 8794) ends; at most a page, whatever its length says. */
static size_t ebml_head_end(const struct head *h)
{
    size_t width = 1;
    uint64_t size;
    if (h->len < 13 || h->p[4] == 0)
        return 64;
    while (!(h->p[4] & 0x80 >> (width - 1)))
        width++;
    size = h->p[4] & (0xff >> width);
    for (size_t i = 1; i < width; i++)
        size = size << 8 | h->p[4 + i];
    return size < 4096 ? 4 + width + (size_t)size : 64;
}

/* WebM (RFC 9559) with sound alone: a codec of sound and none of pictures in its Tracks, which come before the first cluster. */
static int webm_kind(const struct head *h)
{
    static const char *const pictures[] = {"V_VP8", "V_VP9", "V_AV1"};
    if (!contains(h, ebml_head_end(h), "webm"))
        return T_MKV;
    bool sound = contains(h, 4096, "A_OPUS") || contains(h, 4096, "A_VORBIS"), picture = false;
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++)
        picture = picture || contains(h, 4096, pictures[i]);
    return sound && !picture ? T_WEBA : T_WEBM;
}

static int detect_media(const struct head *h)
{
    if (AT(h, 0, "\xff\xd8\xff")) /* F7 would be a bare JPEG-LS stream, which nothing shows */
        return h->len > 3 && h->p[3] != 0xF7 ? T_JPEG : -1;
    if (AT(h, 0, "\x89PNG\r\n\x1a\n"))
        return T_PNG;
    if (AT(h, 0, "GIF87a") || AT(h, 0, "GIF89a"))
        return T_GIF;
    if (AT(h, 0, "RIFF"))
        return AT(h, 8, "WEBP") ? T_WEBP : AT(h, 8, "WAVE") ? T_WAV : -1;
    if (AT(h, 0, "\x1a\x45\xdf\xa3"))
        return webm_kind(h);
    if (AT(h, 0, "OggS"))
        return T_OGG;
    if (AT(h, 0, "fLaC"))
        return T_FLAC;
    if (AT(h, 0, "#!AMR"))
        return T_AMR;
    return bmp(h) ? T_BMP : iso_media(h);
}

static int detect_document(const struct head *h)
{
    if (contains(h, 1024, "%PDF-") && h->p[0] != '<') /* printers put job lines before it; markup is no PDF */
        return T_PDF;
    if (AT(h, 0, "PK\x03\x04"))
        return zip_kind(h);
    uint8_t buffer[4096];
    struct head text = narrow(h, buffer);
    if (xml_with(&text, "<AnnotatedECG") || (xml_with(&text, ":AnnotatedECG") && xml_with(&text, "urn:hl7-org:v3")))
        return T_AECG;
    return xml_with(&text, "<restingecgdata") ? T_SIERRA : -1;
}

const struct file_type *file_type_detect(const void *head, size_t len, unsigned long long size)
{
    struct head h = {head, len, size};
    int t;
    if (len == 0)
        return &types[T_UNKNOWN];
    if (AT(&h, 128, "DICM")) /* before all: its preamble may be a whole TIFF head */
        return &types[T_DICOM];
    if ((t = detect_media(&h)) >= 0 || (t = detect_document(&h)) >= 0)
        return &types[t];
    if (tiff(&h))
        return &types[T_TIFF];
    if (scp(&h))
        return &types[T_SCP];
    if (dicom(&h))
        return &types[T_DICOM];
    if (edf(&h))
        return &types[T_EDF];
    if (mp3(&h))
        return &types[T_MP3];
    return &types[wfdb(&h) ? T_WFDB : T_UNKNOWN];
}

const struct file_type *file_type_find(const char *name)
{
    for (int i = 0; name && i < T_UNKNOWN; i++)
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    return &types[T_UNKNOWN];
}
