/* The verbs as one JSON Schema (draft 2020-12) document: docs/protocol/signaling.schema.json. */
#include "server/signaling/signaling.h"

json_t *signaling_schema(void)
{
    json_t *verbs = json_object();
    for (const struct verb *const *t = verb_tables; *t; t++)
        for (const struct verb *v = *t; v->name; v++) {
            json_t *schema = fields_schema(v->args);
            json_object_set_new(schema, "description", json_string(v->summary));
            json_object_set_new(verbs, v->name, schema);
        }
    return json_pack("{s:s,s:s,s:s,s:o}", "$schema", "https://json-schema.org/draft/2020-12/schema", "title", "Yilian signaling verbs", "description",
                     "Arguments of each verb of the WebSocket at /ws; see signaling.md", "$defs", verbs);
}
