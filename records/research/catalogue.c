/* What can be asked for: structured elements the data centre has. Free text is not in the list: no machine can promise that a sentence names
 * nobody. */
#include "records/research/research_private.h"
#include <stdio.h>
#include <string.h>

const struct research_field research_fields[RESEARCH_FIELDS] = {
    [Q_SEX] = {"sex", "性别", "Sex", "男、女、未知", "male, female, unknown", ROLE_QUASI, 2},
    [Q_AGE] = {"age", "年龄", "Age", "首次诊断时的年龄段（5 岁起，必要时更宽）；90 岁及以上合并", "age band at the first diagnosis (5 years, wider where needed); 90 and over together", ROLE_QUASI, 3},
    [Q_INSTITUTION] = {"institution", "就诊机构", "Institution", "机构名称，必要时只到机构级别", "its name, or only its level where needed", ROLE_QUASI, 2},
    [Q_PERIOD] = {"period", "诊断时间", "Time of diagnosis", "季度，必要时到半年或年", "quarter; half-year or year where needed", ROLE_QUASI, 3},
    [Q_INSURANCE] = {"insurance", "医保类型", "Insurance", "医保类型", "kind of insurance", ROLE_QUASI, 3},
    [FIELD_CONDITION] = {"condition", "入组诊断", "Qualifying diagnosis", "ICD-10 编码，少见的上归至亚目或类目", "ICD-10 code; rare ones by category", ROLE_SENSITIVE, 4},
    [FIELD_TABLES + T_DIAGNOSES] = {"diagnoses", "诊断", "Diagnoses", "ICD-10 编码、相对天数", "ICD-10 code, relative day", ROLE_EVENTS, 4, "diagnosis", "code"},
    [FIELD_TABLES + T_OBSERVATIONS] = {"observations", "检验检查结果", "Results", "标准项目编码、单位、数值或阴阳性、异常标志", "standard code, unit, number or positive/negative, flag", ROLE_EVENTS, 4, "observation",
                                       "code,unit,comparator,value,word,flag"},
    [FIELD_TABLES + T_PROCEDURES] = {"procedures", "手术操作", "Procedures", "标准编码、相对天数", "standard code, relative day", ROLE_EVENTS, 4, "procedure", "code"},
    [FIELD_TABLES + T_MEDICATIONS] = {"medications", "用药", "Medications", "标准编码、相对天数", "standard code, relative day", ROLE_EVENTS, 4, "medication", "code"},
    [FIELD_TABLES + T_ENCOUNTERS] = {"encounters", "就诊", "Encounters", "就诊类别（门诊、急诊、住院等）、相对天数", "class (outpatient, emergency, inpatient ..), relative day", ROLE_EVENTS, 3, "encounter", "class"},
    [FIELD_TABLES + T_REPORTS] = {"reports", "报告（结构化部分）", "Reports (structured parts)", "报告类别编码、状态；不含报告正文", "code and status; no text", ROLE_EVENTS, 3, "report", "code,status"},
    [FIELD_TABLES + T_CONSULTATIONS] = {"consultations", "远程会诊", "Consultations", "方式、范围、缓急、专科模板；不含病历摘要", "kind, scope, urgency, template; no text", ROLE_EVENTS, 3, NULL, "kind,scope,urgency,template"},
    [FIELD_TABLES + T_ADVICE] = {"advice", "会诊建议与结局", "Advice and outcome", "建议类别、采纳情况、7 天与 30 天结局；不含正文", "type, whether followed, outcome after 7 and 30 days; no text", ROLE_EVENTS, 4, NULL,
                                 "type,urgency,decision,outcome_7d,outcome_30d"},
};

static int field_find(const char *name)
{
    for (int i = 0; i < RESEARCH_FIELDS; i++)
        if (name && strcmp(research_fields[i].name, name) == 0)
            return i;
    return -1;
}

int research_fields_read(const json_t *names, uint32_t *bits, struct fault *f)
{
    size_t i;
    json_t *name;
    char path[40];
    *bits = 0;
    json_array_foreach(names, i, name)
    {
        int at = field_find(json_string_value(name));
        snprintf(path, sizeof path, "fields[%zu]", i);
        if (at < 0)
            return fault_field(f, path, "unknown_field");
        *bits |= 1u << at;
    }
    return 0;
}

json_t *research_fields_json(uint32_t bits)
{
    json_t *out = json_array();
    for (size_t i = 0; i < RESEARCH_FIELDS; i++)
        if (research_has(bits, i))
            json_array_append_new(out, json_string(research_fields[i].name));
    return out;
}
