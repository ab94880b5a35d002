/* Every operation there is: the domain folders' tables, side by side. */
#include "records/access/access.h"
#include "records/audit/audit.h"
#include "records/audit/inventory.h"
#include "records/audit/patient_access.h"
#include "records/document/capture.h"
#include "records/document/document.h"
#include "records/exchange/exchange.h"
#include "records/fhir/fhir.h"
#include "records/health/health.h"
#include "records/notify/notify.h"
#include "records/org/org.h"
#include "records/outgoing/outgoing.h"
#include "records/patient/index.h"
#include "records/patient/patient.h"
#include "records/patient/sharing.h"
#include "records/quality/quality.h"
#include "records/report/report.h"
#include "records/research/research.h"
#include "records/standard/standard.h"
#include "records/term/term.h"
#include "records/work/consultation.h"
#include "records/work/room.h"
#include <string.h>

const struct op *const op_tables[] = {session_ops, org_ops,     person_ops,   roster_ops,    patient_ops,   index_ops,     consent_ops, emergency_ops, term_ops,
                                      document_ops, capture_ops, form_ops,     consult_ops,   case_list_ops, case_desk_ops, case_move_ops, waiting_ops,
                                      override_ops, slot_ops,    message_ops,  notify_ops,    policy_ops,    hours_ops,
                                      room_ops,     room_system_ops, room_oversee_ops, device_ops, recording_ops, recording_export_ops, audit_ops, inventory_ops,
                                      access_ops,   fhir_ops, exchange_ops, outgoing_ops, quality_ops,  standard_ops, research_ops, report_ops, month_ops, alarm_ops, health_ops, NULL};

const struct op *op_find(const char *name)
{
    for (const struct op *const *t = op_tables; *t; t++)
        for (const struct op *o = *t; o->name; o++)
            if (strcmp(o->name, name) == 0)
                return o;
    return NULL;
}
