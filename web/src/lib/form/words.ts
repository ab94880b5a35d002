import { words } from '@/lib/i18n'

export const fw = words(
  {
    yes: '是', no: '否', agreed: '同意', refused: '不同意', main_mark: '【主】', suspected: '（疑似）',
    certain: '确诊', certainty: '确定程度', suspected_choice: '疑似', main: '主要诊断', add_row: '添加一行', remove: '删除第 {n} 行', row: '第 {n} 行', question_n: '问题 {n}', answer_n: '回答 {n}',
    add_question: '添加问题', icd: '诊断（输入汉字、拼音首字母或编码）', free_text: '按原文添加“{text}”', diagnosis: '诊断', versus: '与初步诊断比较',
    v_agreed: '一致', v_changed: '修改', v_new: '新增', consent: '是否同意', signer: '签署人', relation: '与患者关系', sign_time: '签署时间', file: '签字文件', verbal: '口头同意（之后补签字文件）', lacks: '还需填写：{list}', file_or_verbal: '签署文件（先在“附件”上传，再在这里选择）或口头同意', spoken: '（口头）', bracket: '（{text}）',
    no_file: '未选择文件', no_files: '本例没有附件', from: '开始', to: '结束', add_window: '添加时段', asked: '问题', optional: '选填', may: '选填：{list}', held: '选填（已填 {n}/{of}）：{list}', within: '应在 {low} 到 {high}{unit} 之间',
    proposal: '规范化建议，请确认；原文保留不变', proposal_of: '第 {n} 行诊断的规范化建议', no_code: '不编码', code_of: '{text}的编码', take: '采用', keep_words: '只保留原文', not_his: '不作为本人诊断',
    location_type: '部位分型', pathology: '病理类型', lesion: '病灶部位', metastasis: '转移部位', stage: '分期', modifiers: '附加', original: '原文',
  },
  {
    yes: 'Yes', no: 'No', agreed: 'agreed', refused: 'refused', main_mark: '[primary]', suspected: '(suspected)',
    certain: 'Certain', certainty: 'Certainty', suspected_choice: 'Suspected', main: 'Primary diagnosis', add_row: 'Add a row', remove: 'Remove row {n}', row: 'Row {n}', question_n: 'Question {n}', answer_n: 'Answer {n}',
    add_question: 'Add a question', icd: 'Diagnosis (text, pinyin initials or code)', free_text: 'Add "{text}" as written', diagnosis: 'Diagnosis', versus: 'Versus preliminary diagnosis',
    v_agreed: 'Agreed', v_changed: 'Changed', v_new: 'New', consent: 'Consent given', signer: 'Signed by', relation: 'Relationship to the patient', sign_time: 'Signed at', file: 'Signed file', verbal: 'Verbal consent (signed form to follow)', lacks: 'Still needed: {list}', file_or_verbal: 'the signed file (add it under Attachments, then choose it here) or verbal consent', spoken: '(verbal)', bracket: '({text})',
    no_file: 'No file chosen', no_files: 'This consultation has no attachments', from: 'From', to: 'To', add_window: 'Add a time window', asked: 'Question', optional: 'optional', may: 'Optional: {list}', held: 'Optional ({n} of {of} filled): {list}', within: 'Should be between {low} and {high}{unit}',
    proposal: 'Suggested standard form, please confirm; your own wording is kept', proposal_of: 'Suggested standard form for row {n}', no_code: 'No code', code_of: 'Code of {text}', take: 'Accept', keep_words: 'Keep my wording only', not_his: "Not the patient's own diagnosis",
    location_type: 'Site type', pathology: 'Pathology', lesion: 'Lesion', metastasis: 'Metastases', stage: 'Stage', modifiers: 'Also', original: 'As written',
  },
)

/** Values of the normal form, the same in every language. */
export const DX = { denied: '否定', family: '家族史', suspected: '疑似', spread: '转移:', and: '、' } as const
