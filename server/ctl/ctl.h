/* ctl - yilianctl: administration from the machine itself, without the daemon's network side. */
#ifndef YL_SERVER_CTL_CTL_H
#define YL_SERVER_CTL_CTL_H

#include "records/records.h"
#include "server/base/option.h"
#include <limits.h>

struct ctl {
    struct options *options;
    struct records *records; /* NULL for subcommands that need none */
    int64_t away_ms; /* its clock runs this far from the machine's: 0 but for a demo of the past */
    struct clock clock;
    const char *config; /* --config FILE, before or behind the command; NULL */
    int argc;
    char **argv; /* the subcommand's own words */
};

/* Prints a fault to standard error; returns 1. */
int ctl_complain(const struct fault *f);
/* The value after `--name`, or NULL. */
const char *ctl_value(const struct ctl *c, const char *name);

/* An operation, as the system itself; takes args. 0, or 1 with what went wrong printed; on 0 the caller clears the reply. */
int ctl_call(struct ctl *c, const char *op, json_t *args, struct reply *reply);
/* A text member, "" when it is none. */
const char *ctl_text(const json_t *o, const char *name);
/* The id of the institution or department with that code. 0, or 1 with what went wrong printed. */
int ctl_org_id(struct ctl *c, const char *code, char id[ID_TEXT_BYTES]);
/* The folder `config`: config.dir of --config FILE; else the one beside the program, one or two levels up, or where the source was built. */
int ctl_find_config(struct ctl *c, char dir[PATH_MAX], struct fault *f);

/* For a subcommand that finds out itself that it needs them: c->options and c->records, closed behind it. Of c->config. */
YL_CHECKED int ctl_open_records(struct ctl *c, struct fault *f);

int ctl_demo_load(struct ctl *c); /* demo.c */
int ctl_user(struct ctl *c);      /* user.c */
int ctl_client(struct ctl *c);    /* client.c */
int ctl_relay(struct ctl *c);     /* relay.c */
int ctl_restore(struct ctl *c);   /* restore.c */
int ctl_mpi(struct ctl *c);       /* mpi.c */
int ctl_dx(struct ctl *c);        /* dx.c */
int ctl_fhir(struct ctl *c);      /* fhir.c */
/* The tables of config/data: --data DIR, or those of the folder config. */
int ctl_find_data(struct ctl *c, char out[PATH_MAX], struct fault *f);
int ctl_recording(struct ctl *c); /* recording.c */
int ctl_org(struct ctl *c);       /* org.c */
int ctl_inventory(struct ctl *c); /* inventory.c */
int ctl_exchange(struct ctl *c);  /* exchange.c */
#endif
