/* Bench: the FHIR service over HTTPS against a real daemon of its own, with a load client in C: every connection a thread that asks, waits,
 * asks again (keep-alive, TLS 1.2 or 1.3, mbedtls). The daemon's processor time is read from /proc, because the clients share the machine:
 * "per core" is requests by second of the daemon's processor time.
 *
 *   bench_server_fhir [--postgres] [--folder DIR] [--clients N] [--seconds S] [--more N] [--rate R] [--share S] [--only NAMES] [--shape TEXT] [--keep DIR] [--readers N]
 *
 * --folder: transaction bundles (*.json.gz), the first ones those of hospitals and practitioners by name; loaded one after the other by 2
 * clients. --more: so many further resources loaded in bundles of 500 before the rest is measured (1000000 for the bars of the project). --only: of the phases measured by time, those whose names are in this text.
 * --keep: the site is made in DIR and stays there; where one is, of the same --more, nothing is loaded again. Its folder must be short, and be removed by hand.
 * Reads and creates are measured twice: by clients who ask again as soon as they are answered, then by as many at random moments, with S (0.6) of the rate that
 * was reached. --postgres (first): the daemon works on a durable PostgreSQL server of its own, or on that of YL_TEST_DATABASE; its processor time is told beside the daemon's.
 * --readers: the daemon's records.readers; 2, and 8 on PostgreSQL, for whose answers they mostly wait.
 * What a request costs before anybody looks at it is measured too (healthz), and $lookup and $expand of a person who is signed in. "shapes": about
 * forty kinds of search, each by one client for up to two seconds, with the processor time of one answer (daemon, server): what a loaded machine leaves as it is;
 * --shape: those alone whose text has TEXT. "mixed": R questions a second (1200), at random moments whether or not the ones before are
 * answered, and their times from the moment they were due: of twenty seven are reads, six searches in a record, three for a person, three $lookup, one a create.
 * "$export": all that is there, file by file, and the most memory that was seen between two files.
 * Bars: read by id 15,000/s per core and p99 5 ms at 64 clients; $lookup 20,000/s per core; create 3,000/s per core; import 10,000 resources/s; search in one
 * patient's record p99 10 ms; mixed, ten times the mission's load (5 million a day, peaks of 1,200/s), p99 50 ms, none failed; worst shape p99 500 ms; $expand with a filter p99 10 ms; RSS 300 MB.
 */
#include "tests/lib/fhir_client.h"
#include "tests/lib/postgres_server.h"
#include <dirent.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#define CLIENTS_MAX 256
#define PATIENTS 2000
#define SAMPLES 400000

static int clients = 64, seconds = 5, more, readers;
static double rate = 1200; /* of the mixed phase */
static double share = 0.6; /* of what a closed loop reached, offered once more */
static const char *folder, *keep, *only = "", *only_shape = "";
static struct fhir_client client;
static atomic_int left, made;
static atomic_bool over;

struct worker {
    pthread_t thread;
    struct web web;
    char headers[1400];
    unsigned seed;
    uint64_t n, failed;
    float *ms;
    int (*ask)(struct worker *w);
    double mean_s, due; /* 0: asks again as soon as it is answered */
};
static struct worker workers[CLIENTS_MAX];

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void put_headers(struct worker *w)
{
    snprintf(w->headers, sizeof w->headers, "Authorization: Bearer %s\r\nContent-Type: application/fhir+json\r\n", client.bearer);
}

/* A bearer token lasts five minutes; on a busy machine an import takes longer. */
static void sign_in_again(struct worker *w)
{
    static pthread_mutex_t signing = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&signing);
    if (strstr(w->headers, client.bearer)) fhir_sign_in(&client);
    put_headers(w);
    pthread_mutex_unlock(&signing);
}

static int ask(struct worker *w, const char *method, const char *path, const char *body)
{
    int status = web_ask(&w->web, method, path, w->headers, body);
    if (status != 401) return status;
    sign_in_again(w);
    return web_ask(&w->web, method, path, w->headers, body);
}

/* The moment of the next question, by lot; it counts from then even when the one before is not answered yet. */
static double wait_for_next(struct worker *w)
{
    if (w->mean_s <= 0) return now();
    w->due -= w->mean_s * log(1 - (rand_r(&w->seed) % 1000000) / 1e6);
    double left_s = w->due - now();
    if (left_s > 0) usleep((useconds_t)(left_s * 1e6));
    return w->due;
}

static void *work(void *arg)
{
    struct worker *w = arg;
    while (!over) {
        double began = wait_for_next(w);
        int status = w->ask(w);
        if (status == 0) break;
        if (status < 200 || status > 299) {
            if (!w->failed++) fprintf(stderr, "%d: %.300s\n", status, w->web.body ? w->web.body : "");
            if (status < 0) break;
        }
        if (w->n < SAMPLES) w->ms[w->n] = (float)((now() - began) * 1000);
        w->n++;
    }
    return NULL;
}

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void connect_all(int n)
{
    fhir_sign_in(&client);
    for (int i = 0; i < n; i++) {
        struct worker *w = &workers[i];
        w->seed = (unsigned)i * 7919 + 1;
        if (!w->ms) w->ms = malloc(SAMPLES * sizeof *w->ms);
        put_headers(w);
        if (web_open(&w->web, site.port)) fail_msg("no connection");
    }
}

/* seconds 0: until the work is done. How many a second; 0: left out. */
static double phase_at(const char *name, int n, int for_s, double unit, double per_s, int (*one)(struct worker *w))
{
    if (*only && for_s && !strstr(only, name)) return 0;
    connect_all(n); /* before: handshakes are not what is measured */
    double cpu = process_cpu_s(site.daemon), database = postgres_cpu_s(), began = now();
    uint64_t total = 0, failed = 0;
    over = false;
    for (int i = 0; i < n; i++) {
        workers[i].ask = one;
        workers[i].n = workers[i].failed = 0;
        workers[i].mean_s = per_s > 0 ? n / per_s : 0;
        workers[i].due = began;
        pthread_create(&workers[i].thread, NULL, work, &workers[i]);
    }
    if (for_s) sleep((unsigned)for_s);
    if (for_s) over = true;
    float *all = malloc(sizeof *all * SAMPLES);
    size_t k = 0;
    for (int i = 0; i < n; i++) {
        pthread_join(workers[i].thread, NULL);
        web_close(&workers[i].web);
        total += workers[i].n;
        failed += workers[i].failed;
        for (size_t j = 0; j < workers[i].n && j < SAMPLES && k < SAMPLES; j++)
            all[k++] = workers[i].ms[j];
    }
    double took = now() - began, used = process_cpu_s(site.daemon) - cpu, things = unit ? unit : (double)total;
    char offered[40] = "";
    if (unit) things = made;
    if (per_s > 0) snprintf(offered, sizeof offered, " (%.0f/s offered)", per_s);
    qsort(all, k, sizeof *all, compare);
    printf("%-22s %8.0f in %5.1f s = %7.0f/s%s; server %5.1f us each = %6.0f/s per core; p50 %.2f ms p99 %.2f ms; failed %llu; RSS %ld MB", name, things, took,
           things / took, offered, used / things * 1e6, things / used, k ? all[k / 2] : 0.f, k ? all[k * 99 / 100] : 0.f, (unsigned long long)failed, site_rss_kb() / 1024);
    if (postgres.pid) printf("; PostgreSQL %.1f us each", (postgres_cpu_s() - database) / things * 1e6);
    printf("\n");
    fflush(stdout);
    free(all);
    return things / took;
}

static double phase(const char *name, int n, int for_s, double unit, int (*one)(struct worker *w))
{
    return phase_at(name, n, for_s, unit, 0, one);
}

/* Clients who ask again as soon as they are answered measure their own queue. So once more, as many clients at random moments, with a share of what that reached. */
static void phase_and_steady(const char *name, int (*one)(struct worker *w))
{
    double reached = phase(name, clients, seconds, 0, one);
    if (reached > 0) phase_at(name, clients, seconds, 0, share * reached, one);
}

/* ---- import ---- */

static char *files[4000];
static int n_files;

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list_files(void)
{
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));)
        if (strstr(e->d_name, ".json.gz") && n_files < 4000) files[n_files++] = strdup(e->d_name);
    if (d) closedir(d);
    qsort(files, (size_t)n_files, sizeof *files, by_name);
}

static char *unpack(const char *name)
{
    char command[600];
    size_t n = 0, cap = 1 << 20;
    char *text = malloc(cap);
    snprintf(command, sizeof command, "gzip -dc %s/%s", folder, name);
    FILE *p = popen(command, "r");
    for (size_t got; (got = fread(text + n, 1, cap - n - 1, p)) > 0;) {
        n += got;
        if (n + 1 == cap) text = realloc(text, cap *= 2);
    }
    pclose(p);
    text[n] = 0;
    return text;
}

static void count_answers(const char *body)
{
    for (const char *at = body; (at = strstr(at, "\"response\"")); at++)
        made++;
}

static char *texts[4000];

static int import_one(struct worker *w)
{
    int i = left++;
    if (i >= n_files) return 0;
    int status = ask(w, "POST", "/fhir", texts[i]);
    if (status == 200) count_answers(w->web.body);
    return status;
}

/* ---- made resources ---- */

static const char *const codes[] = {"8302-2", "29463-7", "39156-5", "8867-4", "9279-1", "2339-0", "6299-2", "38483-4", "49765-1", "2947-0"};
static const char *const units[] = {"cm", "kg", "kg/m2", "/min", "/min", "mg/dL", "mg/dL", "mg/dL", "mg/dL", "mmol/L"}; /* what such a thing is measured in: else each is a finding */
static const unsigned lowest[] = {100, 40, 15, 60, 10, 70, 70, 1, 8, 136}, span[] = {90, 60, 20, 40, 10, 60, 60, 1, 2, 8};

static int observation(char *out, size_t cap, const char *id, unsigned patient, unsigned n)
{
    return snprintf(out, cap, "{\"resourceType\":\"Observation\",%s%s%s\"status\":\"final\",\"category\":[{\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/observation-category\","
        "\"code\":\"vital-signs\",\"display\":\"vital-signs\"}]}],\"code\":{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"%s\",\"display\":\"A measured thing\"}],\"text\":\"A measured "
        "thing\"},\"subject\":{\"reference\":\"Patient/p%u\"},\"encounter\":{\"reference\":\"Encounter/e%u\"},\"effectiveDateTime\":\"20%02u-%02u-%02uT10:%02u:00+08:00\",\"issued\":"
        "\"2024-05-06T10:11:12.123+08:00\",\"valueQuantity\":{\"value\":%u.%u,\"unit\":\"%s\",\"system\":\"http://unitsofmeasure.org\",\"code\":\"%s\"}}",
        *id ? "\"id\":\"" : "", id, *id ? "\"," : "", codes[n % 10], patient, n % 50, 10 + n % 15, 1 + n % 12, 1 + n % 28, n % 60, lowest[n % 10] + n % 97 % span[n % 10], n % 10,
        units[n % 10], units[n % 10]);
}

static int bundle_one(struct worker *w)
{
    int first = left;
    while (first < more && !atomic_compare_exchange_weak(&left, &first, first + 500))
        ;
    if (first >= more) return 0;
    char *text = malloc(600000);
    size_t n = (size_t)sprintf(text, "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[");
    for (int i = first; i < first + 500; i++) {
        char one[1400], id[20];
        bool patient = i < PATIENTS;
        snprintf(id, sizeof id, patient ? "p%d" : "o%d", i);
        if (patient) snprintf(one, sizeof one, "{\"resourceType\":\"Patient\",\"id\":\"%s\",\"name\":[{\"family\":\"F%d\",\"given\":[\"G%d\"]}],\"gender\":\"male\",\"birthDate\":\"19%02d-03-04\"}", id, i % 97, i, i % 90 + 10);
        else observation(one, sizeof one, id, (unsigned)(i / 500) % PATIENTS, (unsigned)i);
        n += (size_t)sprintf(text + n, "%s{\"resource\":%s,\"request\":{\"method\":\"PUT\",\"url\":\"%s/%s\"}}", i > first ? "," : "", one, patient ? "Patient" : "Observation", id);
    }
    strcpy(text + n, "]}");
    int status = ask(w, "POST", "/fhir", text);
    if (status == 200) made += 500;
    free(text);
    return status;
}

static int create_one(struct worker *w)
{
    char body[1400];
    unsigned n = rand_r(&w->seed);
    observation(body, sizeof body, "", n % PATIENTS, n);
    return ask(w, "POST", "/fhir/Observation", body);
}

static int read_one(struct worker *w)
{
    char path[80];
    int n = (int)(rand_r(&w->seed) % (unsigned)more);
    snprintf(path, sizeof path, "/fhir/%s%d", n < PATIENTS ? "Patient/p" : "Observation/o", n);
    return ask(w, "GET", path, NULL);
}

static int health_one(struct worker *w)
{
    return web_ask(&w->web, "GET", "/healthz", "", NULL);
}

static struct person_at doctor;

static int lookup_one(struct worker *w)
{
    static const char *const icd[] = {"I10.x00", "E11.900", "J18.900", "K29.700", "I63.900", "I25.103"};
    char path[160];
    snprintf(path, sizeof path, "/fhir/CodeSystem/$lookup?system=urn:yilian:codesystem:icd10-nhsa&code=%s", icd[rand_r(&w->seed) % 6]);
    return web_ask(&w->web, "GET", path, doctor.cookie, NULL);
}

static int search_one(struct worker *w)
{
    char path[120];
    unsigned n = rand_r(&w->seed);
    snprintf(path, sizeof path, "/fhir/Observation?patient=p%u&code=%s&_count=20", n % (unsigned)(more / 500) % PATIENTS, codes[n % 10]);
    return ask(w, "GET", path, NULL);
}

static int person_one(struct worker *w)
{
    char path[120];
    unsigned n = rand_r(&w->seed) % PATIENTS;
    snprintf(path, sizeof path, "/fhir/Patient?family=F%u&given=G%u&birthdate=19%u-03-04", n % 97, n, n % 90 + 10);
    return ask(w, "GET", path, NULL);
}

static int mixed_one(struct worker *w)
{
    unsigned lot = rand_r(&w->seed) % 20;
    return lot < 7 ? read_one(w) : lot < 13 ? search_one(w) : lot < 16 ? person_one(w) : lot < 19 ? lookup_one(w) : create_one(w);
}

/* ---- shapes of questions: one after the other, each asked for a while with other patients ---- */

static const char *const shapes[] = {
    "Patient?name=G1%u", "Patient?family=F%u&_count=20", "Patient?birthdate=19%u-03-04", "Patient?gender=male&_count=10", "Patient?_id=p%u",
    "Patient?name:contains=9%u&_count=10", "Patient?name:exact=G%u", "Patient?identifier=urn:nobody|%u", "Observation?patient=p%u",
    "Observation?patient=p%u&code=8302-2", "Observation?patient=p%u&code=8302-2,29463-7&date=ge2015-01-01", "Observation?patient=p%u&_sort=-date&_count=10",
    "Observation?patient=p%u&_include=Observation:patient", "Observation?patient=p%u&date=gt2012-01-01&date=lt2020-01-01&_count=50",
    "Observation?code=http://loinc.org|8302-2&_count=20", "Observation?code=8302-2&date=ge2020-01-01&_count=20", "Observation?date=2015-03&_count=20",
    "Observation?value-quantity=gt180&_count=20", "Observation?code=8302-2&value-quantity=gt18%u|http://unitsofmeasure.org|cm",
    "Observation?_sort=-date&_count=10", "Observation?category=vital-signs&_count=10", "Observation?patient.name=G1%u&_count=10",
    "Observation?subject:Patient.family=F%u&_count=10", "Observation?status=final&_summary=count", "Observation?code:not=8302-2&_count=10",
    "Observation?_lastUpdated=gt2020-01-01&_count=10", "Observation?code=8302-2&_total=accurate&_count=1",
    "Patient?_has:Observation:patient:code=8302-2&_count=10", "Patient?_id=p%u&_revinclude=Observation:patient", "Patient/p%u/$everything?_count=50",
    "Observation?encounter=Encounter/e%u&_count=10", "Observation?code:text=measured&_count=10", "Observation?patient=p%u&value-quantity=lt150",
    "Condition?patient.gender=female&_count=10", "Observation?status:not=final&_count=10", "Patient?_sort=birthdate&_count=10",
    "Observation?patient=p%u&_sort=-_lastUpdated&_count=10", "Observation/_history?_count=20", "Observation?code=nothing-%u",
    "Observation?value-quantity=gt1.8%u|http://unitsofmeasure.org|m&_count=20", "Observation?code=8302-2&_sort=-value-quantity&_count=10", "Observation?_sort=value-quantity&_count=10",
    "Observation?code=2339-0&value-quantity=1.%u|http://unitsofmeasure.org|g/L&_count=20"};

static void ask_shape(struct worker *w, const char *shape, float *worst)
{
    char what[160], path[200];
    float ms[200];
    size_t n = 0;
    int status = 0;
    double until = now() + 2, cpu = process_cpu_s(site.daemon), database = postgres_cpu_s();
    for (unsigned k; n < 200 && (n < 3 || now() < until); n++) {
        k = 10 + rand_r(&w->seed) % 80;
        snprintf(what, sizeof what, shape, k);
        snprintf(path, sizeof path, "/fhir/%s", what);
        double began = now();
        status = ask(w, "GET", path, NULL);
        ms[n] = (float)((now() - began) * 1000);
    }
    qsort(ms, n, sizeof *ms, compare);
    float p99 = ms[n * 99 / 100 < n ? n * 99 / 100 : n - 1];
    printf("%8.2f ms p50 %8.2f ms p99  %7.1f + %5.1f ms each  %d  %s\n", ms[n / 2], p99, (process_cpu_s(site.daemon) - cpu) * 1000 / (double)n,
           (postgres_cpu_s() - database) * 1000 / (double)n, status, shape);
    fflush(stdout);
    if (p99 > *worst) *worst = p99;
}

static void ask_shapes(void)
{
    float worst = 0;
    if (*only && !strstr(only, "shapes")) return;
    connect_all(1);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (strstr(shapes[i], only_shape)) ask_shape(&workers[0], shapes[i], &worst);
    web_close(&workers[0].web);
    printf("worst of %zu shapes: p99 %.1f ms; RSS %ld MB\n", sizeof shapes / sizeof *shapes, worst, site_rss_kb() / 1024);
    fflush(stdout);
}

static int expand_one(struct worker *w)
{
    static const char *const typed[] = {"gxy", "I10", "%E7%B3%96%E5%B0%BF%E7%97%85", "tnb", "%E8%82%BA", "E11", "%E9%AB%98%E8%A1%80%E5%A3%93", "zs"};
    char path[240];
    snprintf(path, sizeof path, "/fhir/ValueSet/$expand?url=urn:yilian:codesystem:icd10-nhsa?vs%%3D&filter=%s&count=20", typed[rand_r(&w->seed) % 8]);
    return web_ask(&w->web, "GET", path, doctor.cookie, NULL);
}

/* ---- $export: all of it, file by file, by one client ---- */

/* The lines of an answer. */
static size_t lines_of(const struct web *web)
{
    size_t n = 0;
    for (size_t i = 0; i < web->body_len; i++)
        n += web->body[i] == '\n';
    return n;
}

static json_t *export_manifest(struct worker *w)
{
    char path[200];
    size_t used = strlen(w->headers);
    snprintf(w->headers + used, sizeof w->headers - used, "Prefer: respond-async\r\n");
    if (ask(w, "GET", "/fhir/$export", NULL) != 202) fail_msg("$export: %d", w->web.status);
    const char *place = strstr(web_header(&w->web, "Content-Location"), "/fhir/export/");
    snprintf(path, sizeof path, "%s", place ? place : "");
    while (ask(w, "GET", path, NULL) == 202)
        usleep(100000);
    return json_loads(w->web.body, 0, NULL);
}

static void export_all(void)
{
    size_t i, lines = 0, bytes = 0;
    long before = site_rss_kb(), first = 0, most = before;
    json_t *file;
    if (*only && !strstr(only, "$export")) return;
    connect_all(1);
    double cpu = process_cpu_s(site.daemon), began = now();
    json_t *manifest = export_manifest(&workers[0]);
    double prepared = now() - began;
    json_array_foreach(json_object_get(manifest, "output"), i, file)
    {
        const char *url = json_string_value(json_object_get(file, "url")), *path = url ? strstr(url, "/fhir/") : NULL;
        if (!path || ask(&workers[0], "GET", path, NULL) != 200) fail_msg("$export: a file of %d", workers[0].web.status);
        lines += lines_of(&workers[0].web);
        bytes += workers[0].web.body_len;
        long rss = site_rss_kb();
        first = i ? first : rss;
        most = rss > most ? rss : most;
    }
    printf("$export: %zu resources, %zu files, %zu MB in %.1f s, of them %.1f until the first; server %.1f us each; RSS %ld MB before, %ld after the first file, %ld at most\n", lines, i, bytes >> 20,
           now() - began, prepared, (process_cpu_s(site.daemon) - cpu) / (double)lines * 1e6, before / 1024, first / 1024, most / 1024);
    fflush(stdout);
    json_decref(manifest);
    web_close(&workers[0].web);
}

/* Is what is measured there already? */
static bool start_site(void)
{
    char lines[100];
    snprintf(lines, sizeof lines, "request.rate = 100000\nrecords.readers = %d\n", readers ? readers : postgres.pid ? 8 : 2);
    if (!keep) {
        site_start(lines);
        return false;
    }
    snprintf(site.dir, sizeof site.dir, "%s", keep);
    bool there = mkdir(keep, 0700) != 0;
    char made_by_us[300];
    snprintf(made_by_us, sizeof made_by_us, "%s/yilian.conf", keep);
    if (there && access(made_by_us, F_OK) != 0) {
        printf("%s is there and holds no site: name a folder that is not there\n", keep);
        exit(2);
    }
    double began = now();
    site_start_here(lines);
    if (there) printf("ready after %.1f s\n", now() - began);
    return there;
}

int main(int argc, char **argv)
{
    bool own_server = argc > 1 && strcmp(argv[1], "--postgres") == 0;
    for (int i = 1 + own_server; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--folder")) folder = argv[i + 1];
        if (!strcmp(argv[i], "--keep")) keep = argv[i + 1];
        if (!strcmp(argv[i], "--clients")) clients = atoi(argv[i + 1]);
        if (!strcmp(argv[i], "--seconds")) seconds = atoi(argv[i + 1]);
        if (!strcmp(argv[i], "--only")) only = argv[i + 1];
        if (!strcmp(argv[i], "--shape")) only_shape = argv[i + 1];
        if (!strcmp(argv[i], "--more")) more = atoi(argv[i + 1]);
        if (!strcmp(argv[i], "--readers")) readers = atoi(argv[i + 1]);
        if (!strcmp(argv[i], "--rate")) rate = atof(argv[i + 1]);
        if (!strcmp(argv[i], "--share")) share = atof(argv[i + 1]);
    }
    if (clients < 1 || clients > CLIENTS_MAX) return 2;
    if (more < 10000) more = 10000;
    postgres_begin(own_server, keep);
    bool loaded = start_site();
    fhir_register(&client, "system/*.*");
    printf("%s, clients %d, %d s a phase, daemon %d, RSS at start %ld MB\n", postgres.pid ? "PostgreSQL" : "SQLite", clients, seconds, site.daemon, site_rss_kb() / 1024);
    fflush(stdout);
    if (folder) {
        list_files();
        for (int i = 0; i < n_files; i++)
            texts[i] = unpack(files[i]);
        made = left = 0;
        if (n_files > 2) { /* those others refer to come first */
            int all = n_files;
            n_files = 2;
            phase("import (first)", 1, 0, 1, import_one);
            n_files = all;
            left = 2;
            made = 0;
        }
        phase("import (folder)", 2, 0, 1, import_one);
    }
    made = left = 0;
    if (!loaded) phase("import (made)", 2, 0, 1, bundle_one);
    doctor = person_sign_in("bh.sun"); /* only now: loading millions outlasts a session */
    phase("healthz", clients, seconds, 0, health_one);
    phase("$lookup", clients, seconds, 0, lookup_one);
    phase_and_steady("read by id", read_one);
    phase("$expand", clients < 8 ? clients : 8, seconds, 0, expand_one);
    ask_shapes();
    phase("search in a record", clients < 8 ? clients : 8, seconds, 0, search_one);
    phase_and_steady("create", create_one);
    phase("find a person", clients < 8 ? clients : 8, seconds, 0, person_one);
    phase_at("mixed", clients, seconds * 4, 0, rate, mixed_one);
    export_all();
    if (!keep) return site_stop(NULL);
    site_end();
    return 0;
}
