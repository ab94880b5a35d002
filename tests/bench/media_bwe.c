/* How the estimator does over many simulated lines: distribution of the time to 85 % of a new capacity, of queues, of padding, by loss.
 *
 *   bench_media_bwe [seeds [first]]
 *   bench_media_bwe -t seed [loss]     one line, step by step
 */
#include "tests/lib/line_sim.h"
#include <stdio.h>

static int by_value(const void *a, const void *b)
{
    int64_t d = *(const int64_t *)a - *(const int64_t *)b;
    return d < 0 ? -1 : d > 0;
}

static void say(const char *what, int64_t *v, size_t n)
{
    if (!n) return;
    qsort(v, n, sizeof *v, by_value);
    printf("  %-46s n %6zu  p50 %6.0f  p90 %6.0f  p99 %6.0f  max %6.0f ms\n", what, n, v[n / 2] / 1e3, v[n * 9 / 10] / 1e3, v[n * 99 / 100] / 1e3,
           v[n - 1] / 1e3);
}

static void trace(uint64_t seed, double loss)
{
    struct sim_setup s;
    struct sim_result r;
    static struct sim m;
    sim_line(seed, loss, &s);
    sim_run(&m, &s, &r);
    printf("seed %llu loss %.2f delay %lld jitter %lld buffer %lld ms feedback %lld ladder %d\n", (unsigned long long)seed, loss,
           (long long)s.delay_us / 1000, (long long)s.jitter_us / 1000, (long long)s.buffer_us / 1000, (long long)s.feedback_us / 1000, s.ladder);
    for (size_t i = 0; i < SIM_STEPS; i++)
        printf("  %4.0f kbit/s: reached %lld, queue after 3 s %lld, peak %lld, over 200 until %lld (bound %lld) ms, used %.2f\n", s.bps[i] / 1000,
               (long long)r.reached_us[i] / 1000, (long long)r.queue_us[i] / 1000, (long long)r.peak_us[i] / 1000, (long long)r.calm_us[i] / 1000,
               (long long)r.bound_us[i] / 1000, r.used[i]);
}

/* What it gets of a line that it shares with a download of TCP's kind, which knows no queue but a full one. */
static void shared(uint64_t first, size_t seeds, int64_t buffer_us)
{
    static struct sim m;
    double used = 0, least = 1;
    for (size_t i = 0; i < seeds; i++) {
        struct sim_setup s;
        struct sim_result r;
        sim_line(first + i, 0, &s);
        s.download = true;
        s.step_us = 30000000;
        s.buffer_us = buffer_us;
        s.bps[1] = s.bps[2] = s.bps[0];
        sim_run(&m, &s, &r);
        used += r.used[2] / (double)seeds;
        if (r.used[2] < least) least = r.used[2];
    }
    printf("beside a download, buffer of %lld ms: %.0f %% of the line, at least %.0f %%\n", (long long)buffer_us / 1000, used * 100, least * 100);
}

int main(int argc, char **argv)
{
    static const double losses[] = {0, 0.01, 0.05, 0.10, 0.30};
    bool one = argc > 2 && !strcmp(argv[1], "-t");
    size_t seeds = argc > 1 && !one ? (size_t)atoi(argv[1]) : 1000;
    uint64_t first = argc > 2 ? (uint64_t)atoll(argv[2]) : 0;
    static struct sim m;
    if (one) {
        trace(first, argc > 3 ? atof(argv[3]) : 0);
        return 0;
    }
    int64_t *up = calloc(seeds * SIM_STEPS, sizeof *up), *calm = calloc(seeds * SIM_STEPS, sizeof *up), *peak = calloc(seeds * SIM_STEPS, sizeof *up),
            *down = calloc(seeds * SIM_STEPS, sizeof *up), *over = calloc(seeds * SIM_STEPS, sizeof *up);
    for (size_t k = 0; k < sizeof losses / sizeof *losses; k++) {
        size_t n_up = 0, n_down = 0, n_all = 0, late = 0, high = 0;
        double used = 0, padded = 0;
        for (size_t i = 0; i < seeds; i++) {
            struct sim_setup s;
            struct sim_result r;
            sim_line(first + i, losses[k], &s);
            sim_run(&m, &s, &r);
            padded += r.padded / (double)seeds;
            for (size_t j = 0; j < SIM_STEPS; j++) {
                bool rises = j == 0 || s.bps[j] > s.bps[j - 1];
                used += r.used[j] / (double)(seeds * SIM_STEPS);
                calm[n_all++] = r.queue_us[j];
                high += r.queue_us[j] > 200000;
                if (r.reached_us[j] < 0) r.reached_us[j] = s.step_us;
                if (rises) {
                    late += r.reached_us[j] > 3000000;
                    up[n_up] = r.reached_us[j];
                    peak[n_up++] = j ? r.peak_us[j] : 0;
                } else {
                    down[n_down] = r.peak_us[j];
                    over[n_down++] = r.calm_us[j];
                }
            }
        }
        printf("loss %2.0f %%: used %.0f %%, padding %.1f %%, %zu of %zu rises over 3 s, %zu of %zu steps queue over 200 ms later on\n", losses[k] * 100,
               used * 100, padded * 100, late, n_up, high, n_all);
        say("to 85 % after start or rise", up, n_up);
        say("longest queue after a rise", peak, n_up);
        say("longest queue 3 s after any step", calm, n_all);
        say("longest queue after a fall", down, n_down);
        say("over 200 ms after a fall, until", over, n_down);
    }
    for (int64_t buffer = 50000; buffer <= 400000; buffer *= 2)
        shared(first, seeds / 10 + 1, buffer);
    return 0;
}
