import { words } from '@/lib/i18n'

export const fw = words(
  {
    yes: '是', no: '否', agreed: '同意', refused: '不同意', main_mark: '【主】', suspected: '(疑似)',
    certain: '确诊', certainty: '确定程度', suspected_choice: '疑似', main: '主要诊断', add_row: '添加一行', remove: '删除第 {n} 行', row: '第 {n} 行', question_n: '问题 {n}', answer_n: '回答 {n}',
    add_question: '添加问题', icd: '诊断(输入汉字、拼音首字母或编码)', free_text: '按原文添加"{text}"', diagnosis: '诊断', versus: '与初步诊断比较',
    v_agreed: '一致', v_changed: '修改', v_new: '新增', consent: '是否同意', signer: '签署人', relation: '与患者关系', sign_time: '签署时间', file: '签字文件', verbal: '口头同意(之后补签字文件)', spoken: '(口头)',
    no_file: '未选择文件', from: '开始', to: '结束', add_window: '添加时段', asked: '问题', optional: '选填',
  },
  {
    yes: 'Yes', no: 'No', agreed: 'agreed', refused: 'refused', main_mark: '[main]', suspected: '(suspected)',
    certain: 'Certain', certainty: 'Certainty', suspected_choice: 'Suspected', main: 'Main diagnosis', add_row: 'Add a row', remove: 'Remove row {n}', row: 'Row {n}', question_n: 'Question {n}', answer_n: 'Answer {n}',
    add_question: 'Add a question', icd: 'Diagnosis (text, pinyin initials or code)', free_text: 'Add "{text}" as written', diagnosis: 'Diagnosis', versus: 'Compared with the preliminary one',
    v_agreed: 'Agreed', v_changed: 'Changed', v_new: 'New', consent: 'Consent given', signer: 'Signed by', relation: 'Relation to the patient', sign_time: 'Signed at', file: 'Signed file', verbal: 'Spoken consent (signed form to follow)', spoken: '(spoken)',
    no_file: 'No file chosen', from: 'From', to: 'To', add_window: 'Add a time window', asked: 'Question', optional: 'optional',
  },
)
