/* dictionary - what FHIR resources say over and over: given to the compressor before it begins, so that a body of 1.5 kB takes a quarter.
 * Bodies on disk depend on it: it is never changed; a better one gets a new format byte (body.c). The most usual stands last. */
#ifndef YL_RECORDS_FHIR_DICTIONARY_H
#define YL_RECORDS_FHIR_DICTIONARY_H

static const char fhir_dictionary[] =
    "\"text\":{\"status\":\"generated\",\"div\":\"<div xmlns=\\\"http://www.w3.org/1999/xhtml\\\">\"}"
    "\"maritalStatus\":{\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/v3-MaritalStatus\",\"code\":\"M\",\"display\":\"Married\"}]}"
    "\"communication\":[{\"language\":{\"coding\":[{\"system\":\"urn:ietf:bcp:47\",\"code\":\"zh-CN\",\"display\":\"Chinese\"}],\"text\":\"Chinese\"}}]"
    "\"telecom\":[{\"system\":\"phone\",\"value\":\"\",\"use\":\"home\"}],\"gender\":\"female\",\"birthDate\":\"19\",\"address\":[{\"line\":[\"\"],\"city\":\"\","
    "\"state\":\"\",\"postalCode\":\"\",\"country\":\"CN\"}]"
    "\"identifier\":[{\"use\":\"usual\",\"type\":{\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/v2-0203\",\"code\":\"MR\",\"display\":\"Medical Record Number\"}],"
    "\"text\":\"Medical Record Number\"},\"system\":\"urn:oid:\",\"value\":\"\"}]"
    "\"name\":[{\"use\":\"official\",\"family\":\"\",\"given\":[\"\"],\"prefix\":[\"\"]}]"
    "\"item\":[{\"sequence\":1,\"productOrService\":{\"coding\":[{\"system\":\"http://snomed.info/sct\",\"code\":\"\",\"display\":\"\"}],\"text\":\"\"},\"net\":{\"value\":,\"currency\":\"USD\"}"
    "\"adjudication\":[{\"category\":{\"coding\":[{\"system\":\"https://bluebutton.cms.gov/resources/codesystem/adjudication\",\"code\":\"\",\"display\":\"\"}]},\"amount\":"
    "\"vaccineCode\":{\"coding\":[{\"system\":\"http://hl7.org/fhir/sid/cvx\",\"code\":\"\",\"display\":\"\"}],\"text\":\"\"},\"patient\":{\"reference\":\"Patient/\"},\"occurrenceDateTime\":\""
    "\"primarySource\":true,\"location\":{\"reference\":\"Location/\",\"display\":\"\"}"
    "{\"resourceType\":\"MedicationRequest\",\"status\":\"active\",\"intent\":\"order\",\"medicationCodeableConcept\":{\"coding\":[{\"system\":\"http://www.nlm.nih.gov/research/umls/rxnorm\",\"code\":\""
    "\"authoredOn\":\"\",\"requester\":{\"reference\":\"Practitioner/\",\"display\":\"Dr. \"},\"dosageInstruction\":[{\"sequence\":1,\"timing\":{\"repeat\":{\"frequency\":1,\"period\":1.0,\"periodUnit\":\"d\"}},\"asNeededBoolean\":false,"
    "\"doseAndRate\":[{\"type\":{\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/dose-rate-type\",\"code\":\"ordered\",\"display\":\"Ordered\"}]},\"doseQuantity\":{\"value\":1.0}}]}]"
    "{\"resourceType\":\"Condition\",\"clinicalStatus\":{\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/condition-clinical\",\"code\":\"active\"}]},"
    "\"verificationStatus\":{\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/condition-ver-status\",\"code\":\"confirmed\"}]},"
    "\"category\":[{\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/condition-category\",\"code\":\"encounter-diagnosis\",\"display\":\"Encounter Diagnosis\"}]}],"
    "\"onsetDateTime\":\"\",\"abatementDateTime\":\"\",\"recordedDate\":\"\""
    "{\"resourceType\":\"Procedure\",\"status\":\"completed\",\"performedPeriod\":{\"start\":\"\",\"end\":\"\"},\"reasonReference\":[{\"reference\":\"Condition/\",\"display\":\"\"}]"
    "{\"resourceType\":\"Encounter\",\"status\":\"finished\",\"class\":{\"system\":\"http://terminology.hl7.org/CodeSystem/v3-ActCode\",\"code\":\"AMB\"},\"type\":[{\"coding\":[{\"system\":\"http://snomed.info/sct\","
    "\"participant\":[{\"type\":[{\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/v3-ParticipationType\",\"code\":\"PPRF\",\"display\":\"primary performer\"}],\"text\":\"primary performer\"}],"
    "\"period\":{\"start\":\"\",\"end\":\"\"},\"individual\":{\"reference\":\"Practitioner/\",\"display\":\"\"}}],\"serviceProvider\":{\"reference\":\"Organization/\",\"display\":\"\"}"
    "{\"resourceType\":\"DiagnosticReport\",\"status\":\"final\",\"category\":[{\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/v2-0074\",\"code\":\"LAB\",\"display\":\"Laboratory\"}]}],"
    "\"result\":[{\"reference\":\"Observation/\",\"display\":\"\"}],\"performer\":[{\"reference\":\"Organization/\",\"display\":\"\"}]"
    "\"component\":[{\"code\":{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"8462-4\",\"display\":\"Diastolic Blood Pressure\"}],\"text\":\"Diastolic Blood Pressure\"},"
    "\"valueQuantity\":{\"value\":80,\"unit\":\"mm[Hg]\",\"system\":\"http://unitsofmeasure.org\",\"code\":\"mm[Hg]\"}}]"
    "{\"resourceType\":\"Observation\",\"id\":\"\",\"meta\":{\"profile\":[\"http://hl7.org/fhir/us/core/StructureDefinition/\"],\"versionId\":\"1\",\"lastUpdated\":\"20"
    "\"status\":\"final\",\"category\":[{\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/observation-category\",\"code\":\"laboratory\",\"display\":\"laboratory\"}]}],"
    "\"code\":{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"\",\"display\":\"\"}],\"text\":\"\"},\"subject\":{\"reference\":\"Patient/\"},\"encounter\":{\"reference\":\"Encounter/\"},"
    "\"effectiveDateTime\":\"20\",\"issued\":\"20\",\"valueQuantity\":{\"value\":,\"unit\":\"\",\"system\":\"http://unitsofmeasure.org\",\"code\":\"\"}}";
#endif
