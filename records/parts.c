#include "records/parts.h"
#include "records/document/documents.h"
#include "records/exchange/exchange.h"
#include "records/fhir/fhir.h"
#include "records/patient/index.h"
#include "records/patient/mask.h"
#include "records/quality/quality.h"
#include "records/report/indicator.h"
#include "records/research/research.h"
#include "records/standard/elements.h"
#include "server/base/crypto.h"
#include <string.h>

int records_parts_open(struct records_parts *p, const char *data_dir, const char *config_dir, const uint8_t master[32],
                       struct fault *f)
{
    memset(p, 0, sizeof *p);
    crypto_derive(master, "patient columns", p->patient_keys.seal, 32);
    crypto_derive(master, "patient index", p->patient_keys.index, 32);
    crypto_derive(master, "gateway secrets", p->delivery_keys.seal, 32);
    crypto_derive(master, "audit head", p->audit_key, 32);
    crypto_derive(master, "second factors", p->totp_key, 32);
    crypto_derive(master, "kept answers", p->answer_key, 32);
    crypto_derive(master, "device passwords", p->device_key, 32);
    crypto_derive(master, "requests", p->request_key, 32);
    int rc = terms_open(&p->terms, config_dir, f);
    uint8_t blocking[32];
    crypto_derive(master, "index keys", blocking, 32);
    rc = rc ? rc : patient_index_open(&p->patient_index, config_dir, blocking, f);
    crypto_derive(master, "exchange contents", blocking, 32);
    rc = rc ? rc : exchange_open(&p->exchange, config_dir, blocking, f);
    explicit_bzero(blocking, sizeof blocking);
    rc = rc ? rc : quality_open(&p->quality, config_dir, p->terms, f);
    rc = rc ? rc : elements_open(&p->elements, config_dir, f);
    rc = rc ? rc : research_open(&p->research);
    rc = rc ? rc : access_open(&p->access, config_dir, f);
    rc = rc ? rc : indicators_open(&p->indicators, config_dir, p->access, f);
    rc = rc ? rc : masking_open(&p->masking, config_dir, f);
    rc = rc ? rc : work_parts_open(&p->work, config_dir, f);
    rc = rc ? rc : documents_open(&p->documents, data_dir, master, f);
    rc = rc ? rc : fhir_open(&p->fhir, config_dir, master, f);
    if (rc == 0)
        p->terms->source = fhir_terms_source(p->fhir);
    if (rc)
        records_parts_close(p);
    return rc;
}

void records_parts_close(struct records_parts *p)
{
    fhir_close(p->fhir);
    documents_close(p->documents);
    work_parts_close(&p->work);
    masking_close(p->masking);
    indicators_close(p->indicators);
    access_close(p->access);
    research_close(p->research);
    elements_close(p->elements);
    quality_close(p->quality);
    exchange_close(p->exchange);
    patient_index_close(p->patient_index);
    terms_close(p->terms);
    explicit_bzero(p, sizeof *p);
}
