/* Type detection, and thumbnails through the fenced child: real pictures, a PDF, hostile and broken input. */
#include "records/document/study_uid.h"
#include "records/document/thumbnail.h"
#include "server/base/child.h"
#include "server/base/clock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static char dir[64];
static struct blob_store *store;

static int setup(void **state)
{
    static const uint8_t key[32] = {4};
    snprintf(dir, sizeof dir, "/tmp/yl-thumb-XXXXXX");
    return !mkdtemp(dir) || blob_store_open(&store, dir, key);
}

static int teardown(void **state)
{
    char cmd[96];
    blob_store_close(store);
    snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
    return system(cmd);
}

static const char *type_of(const char *bytes, size_t len)
{
    return file_type_detect(bytes, len, len)->name;
}
#define TYPE(literal) type_of(literal, sizeof(literal) - 1)

/* A head as our recorder writes it: every size in eight bytes, so that the document type comes late. */
#define EBML_LONG                                                                                                                   \
    "\x1a\x45\xdf\xa3\x01\0\0\0\0\0\0\x7a"                                                                                         \
    "................................................................................"                                               \
    "\x42\x82\x01\0\0\0\0\0\0\4"
#define TRACK "................................................................\x86"

static void types_by_content(void **state)
{
    assert_string_equal(TYPE("\xff\xd8\xff\xe0\0\x10JFIF"), "jpeg");
    assert_string_equal(TYPE("\xff\xd8\xff\xf7\0\x0b"), "unknown"); /* a bare JPEG-LS stream */
    assert_string_equal(TYPE("\x89PNG\r\n\x1a\n...."), "png");
    assert_string_equal(TYPE("GIF89a......"), "gif");
    assert_string_equal(TYPE("RIFF....WEBPVP8 "), "webp");
    assert_string_equal(TYPE("RIFF....WAVEfmt "), "wav");
    assert_string_equal(TYPE("RIFF....AVI LIST"), "unknown");
    assert_string_equal(TYPE("II*\0\x08\0\0\0"), "tiff");
    assert_string_equal(TYPE("MM\0*\0\0\0\x08"), "tiff");
    assert_string_equal(TYPE("%PDF-1.7\n"), "pdf");
    assert_string_equal(TYPE("\0\0\0\x18"
                             "ftypisom...."),
                        "mp4");
    assert_string_equal(TYPE("\0\0\0\x18"
                             "ftypheic...."),
                        "heic");
    assert_string_equal(TYPE("\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm"), "webm");
    assert_string_equal(TYPE(EBML_LONG "webm" TRACK "V_VP8"), "webm");
    assert_string_equal(TYPE(EBML_LONG "webm" TRACK "A_OPUS"), "webm-audio");
    assert_string_equal(TYPE(EBML_LONG "webm" TRACK "A_OPUS" TRACK "V_AV1"), "webm");
    assert_string_equal(TYPE(EBML_LONG "matroska" TRACK "V_MPEG4/ISO/AVC"), "matroska");
    assert_string_equal(TYPE("\x1a\x45\xdf\xa3\x84\x42\x86\x81\x01" TRACK "webm in a later place"), "matroska");
    assert_string_equal(TYPE("OggS\0\2......"), "ogg");
    assert_string_equal(TYPE("ID3\4......"), "mp3");
    assert_string_equal(TYPE("\xff\xfb\x90\x64...."), "mp3");
    assert_string_equal(TYPE("PK\3\4......[Content_Types].xml....word/document.xml"), "docx");
    assert_string_equal(TYPE("PK\3\4......a.txt"), "zip");
    assert_string_equal(TYPE("<?xml version=\"1.0\"?>\n<AnnotatedECG xmlns=\"urn:hl7-org:v3\">"), "aecg");
    assert_string_equal(TYPE("100 2 360 650000\n100.dat 212 200 11 1024 995 -22131 0 MLII\n"), "wfdb");
    char dicom[200] = "II*";
    memcpy(dicom + 128, "DICM", 4);
    assert_string_equal(type_of(dicom, sizeof dicom), "dicom");
    char edf[256];
    memset(edf, ' ', sizeof edf);
    memcpy(edf, "0       ", 8);
    memcpy(edf + 168, "01.02.9912.00.00", 16);
    assert_string_equal(type_of(edf, sizeof edf), "edf");
}

static void what_could_run_is_never_shown(void **state)
{
    static const char *const hostile[] = {"<html><script>alert(1)</script>", "<!DOCTYPE html><body onload=x>",
                                          "<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"x\"/>",
                                          "<?xml version=\"1.0\"?><svg/>", "#!/bin/sh\nid", "MZ\x90", "\x7f" "ELF", "javascript:1"};
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        const struct file_type *t = file_type_detect(hostile[i], strlen(hostile[i]), strlen(hostile[i]));
        assert_false(t->safe);
        assert_string_equal(t->content_type, "application/octet-stream");
    }
    assert_string_equal(type_of("", 0), "unknown");
    for (const char *const *n = (const char *const[]){"jpeg", "pdf", "dicom", "scp-ecg", "mp4", NULL}; *n; n++)
        assert_string_equal(file_type_find(*n)->name, *n);
    assert_string_equal(file_type_find("nonsense")->name, "unknown");
    assert_string_equal(file_type_find(NULL)->name, "unknown");
}

static int thumbnail_of(const void *data, size_t len, const char *type, size_t *thumbnail_bytes)
{
    static uint64_t id = 1;
    struct blob_file *f;
    char address[BLOB_ADDRESS_BYTES], thumbnail[BLOB_ADDRESS_BYTES];
    assert_int_equal(blob_file_create(store, id++, len, &f), 0);
    assert_int_equal(blob_file_append(f, data, len), 0);
    assert_int_equal(blob_file_publish(f, address), 0);
    blob_file_close(f);
    int rc = thumbnail_make(store, address, file_type_find(type), thumbnail);
    if (rc == 0) {
        struct blob *b;
        assert_int_equal(blob_open(store, thumbnail, &b), 0);
        *thumbnail_bytes = (size_t)blob_bytes(b);
        blob_close(b);
    }
    return rc;
}

/* A 400x300 BMP-free test picture: binary PPM cannot be uploaded, so a tiny real PNG made by hand would do; PDF is text. */
static const char pdf[] = "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
                          "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 300]>>endobj\ntrailer<</Root 1 0 R>>\n";
static const unsigned char gif[] = {'G', 'I', 'F', '8', '9', 'a', 2, 0, 2, 0, 0x80, 0, 0, 255, 0, 0, 0, 0, 255, 0x2c, 0, 0, 0, 0, 2, 0,
                                    2, 0, 0, 2, 3, 0x44, 0x02, 0x05, 0, 0x3b};

static void first_page_and_picture(void **state)
{
    size_t n = 0;
    int rc = thumbnail_of(pdf, sizeof pdf - 1, "pdf", &n);
    if (rc == ERR_NOT_FOUND)
        skip(); /* the tools are optional */
    assert_int_equal(rc, 0);
    assert_true(n > 300 && n < 100000);
    rc = thumbnail_of(gif, sizeof gif, "gif", &n);
    if (rc != ERR_NOT_FOUND)
        assert_int_equal(rc, 0);
}

/* A photograph is really made smaller, which is another way through the tool than a picture of two dots. */
static void a_photograph(void **state)
{
    static unsigned char film[1 << 20];
    size_t n = 0;
    FILE *in = fopen(YL_SOURCE_DIR "/config/demo/documents/chest-film.jpg", "rb");
    assert_non_null(in);
    size_t len = fread(film, 1, sizeof film, in);
    fclose(in);
    int rc = thumbnail_of(film, len, "jpeg", &n);
    if (rc == ERR_NOT_FOUND)
        skip();
    assert_int_equal(rc, 0);
    assert_true(n > 3000 && n < 60000);
}

static void broken_input_is_refused(void **state)
{
    size_t n;
    char junk[5000];
    for (size_t i = 0; i < sizeof junk; i++)
        junk[i] = (char)(i * 37);
    memcpy(junk, "\xff\xd8\xff\xe0", 4);
    int rc = thumbnail_of(junk, sizeof junk, "jpeg", &n);
    assert_true(rc == ERR_INVALID || rc == ERR_NOT_FOUND);
    assert_false(thumbnail_possible(file_type_find("jpeg"), THUMBNAIL_INPUT_MAX + 1));
    assert_false(thumbnail_possible(file_type_find("mp4"), 1000));
    assert_true(thumbnail_possible(file_type_find("pdf"), 1000));
}

static long endless(void *ctx, void *out, size_t cap)
{
    memset(out, 'x', cap);
    return (long)cap;
}

static int run(const char *const *argv, long (*input)(void *, void *, size_t), int time_ms, size_t output_max)
{
    uint8_t *out;
    size_t len;
    struct child_job job = {.argv = argv, .input = input, .output_max = output_max, .time_ms = time_ms, .cpu_s = 5, .memory_bytes = (uint64_t)512 << 20};
    int rc = child_run(&job, &out, &len);
    if (rc == 0)
        free(out);
    return rc;
}

static void the_child_is_fenced(void **state)
{
    const char *cat[] = {"/bin/cat", NULL}, *none[] = {"/nonexistent/tool", NULL}, *sleepy[] = {"/bin/sleep", "1000", NULL},
               *fails[] = {"/bin/false", NULL}, *early[] = {"/bin/true", NULL},
               *writes[] = {"/bin/sh", "-c", "echo plain > \"$0\"", NULL, NULL};
    char target[96];
    assert_int_equal(run(none, NULL, 5000, 10), ERR_NOT_FOUND);
    assert_int_equal(run(fails, NULL, 5000, 10), ERR_INVALID);
    assert_int_equal(run(early, endless, 5000, 10), 0); /* it need not read its input */
    assert_int_equal(run(cat, endless, 20000, 100000), ERR_TOO_LARGE);
    int64_t start = clock_monotonic_us();
    assert_int_equal(run(sleepy, NULL, 50, 10), ERR_TIMEOUT);
    assert_true(clock_monotonic_us() - start < 500000000);
    snprintf(target, sizeof target, "%s/leak", dir);
    writes[3] = target;
    assert_int_not_equal(run(writes, NULL, 5000, 10), 0);
    FILE *f = fopen(target, "r");
    if (f) { /* the file may exist, but nothing can be in it */
        assert_int_equal(fgetc(f), EOF);
        fclose(f);
    }
}

/* Each encoding of the same few elements, a sequence before the study's number. */
static void the_study_of_a_dicom_file(void **state)
{
    (void)state;
    char uid[STUDY_UID_BYTES], file[400] = "";
    static const char explicit_head[] = "\2\0\x10\0UI\x14\0" "1.2.840.10008.1.2.1\0", implicit_head[] = "\2\0\x10\0UI\x12\0" "1.2.840.10008.1.2\0", big_head[] = "\2\0\x10\0UI\x14\0" "1.2.840.10008.1.2.2\0";
    static const char sequence[] = "\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff" "\xfe\xff\0\xe0\xff\xff\xff\xff" "\x20\0\x0d\0UI\4\0" "9.9\0" "\xfe\xff\x0d\xe0\0\0\0\0" "\xfe\xff\xdd\xe0\0\0\0\0";
    memcpy(file + 128, "DICM", 4);
    memcpy(file + 132, explicit_head, 28);
    memcpy(file + 160, sequence, sizeof sequence - 1);
    memcpy(file + 160 + sizeof sequence - 1, "\x20\0\x0d\0UI\6\0" "1.2.34", 14);
    assert_true(study_uid_of(file, 160 + sizeof sequence - 1 + 14, uid));
    assert_string_equal(uid, "1.2.34");
    assert_false(study_uid_of(file, 160 + sizeof sequence - 1 + 13, uid)); /* cut */
    memcpy(file + 132, implicit_head, 26);
    memcpy(file + 158, "\x20\0\x0d\0\6\0\0\0" "1.2.3\0" "\x20\0\x0e\0\2\0\0\0" "1\0", 24);
    assert_true(study_uid_of(file, 182, uid));
    assert_string_equal(uid, "1.2.3");
    memcpy(file + 132, big_head, 28);
    memcpy(file + 160, "\0\x20\0\x0dUI\0\6" "1.2.5 ", 14);
    assert_true(study_uid_of(file, 174, uid));
    assert_string_equal(uid, "1.2.5");
    memcpy(file + 160, "\0\x20\0\x0dUI\0\6" "1.2/5 ", 14);
    assert_false(study_uid_of(file, 174, uid));
    memcpy(file + 132, "\2\0\x10\0OB\0\0\xff\xff\xff\xff", 12); /* the encoding's own name without an end */
    assert_false(study_uid_of(file, 144, uid));
    memcpy(file + 132, explicit_head, 28);
    memcpy(file + 160, "\x20\0\x0d\0UN\0\0\xff\xff\xff\xff", 12); /* and the study's */
    assert_false(study_uid_of(file, 172, uid));
    assert_false(study_uid_of("DICM", 4, uid));
    FILE *f = fopen(YL_SOURCE_DIR "/config/demo/documents/abdomen-ct.dcm", "rb");
    char *head = calloc(1, DETECT_HEAD_BYTES);
    assert_non_null(f);
    size_t n = fread(head, 1, DETECT_HEAD_BYTES, f);
    fclose(f);
    assert_true(study_uid_of(head, n, uid));
    assert_int_equal(strncmp(uid, "1.2.", 4), 0);
    free(head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_by_content),        cmocka_unit_test(what_could_run_is_never_shown),
        cmocka_unit_test(first_page_and_picture),
        cmocka_unit_test(a_photograph),  cmocka_unit_test(broken_input_is_refused),
        cmocka_unit_test(the_child_is_fenced),     cmocka_unit_test(the_study_of_a_dicom_file),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
