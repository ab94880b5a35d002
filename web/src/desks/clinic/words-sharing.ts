import { words } from '@/lib/i18n'

export const hw = words(
  {
    consents: '患者授权', consent_none: '患者没有作过授权或拒绝', record: '登记授权', withdraw: '撤回', withdraw_title: '撤回这项授权？', decision: '患者的决定', permit: '同意共享', deny: '拒绝共享', purpose: '用途', p_treatment: '诊疗', p_research: '科研', p_teaching: '教学', p_any: '所有用途', source: '哪个机构的记录', target: '给哪个机构看', every: '全部机构', until: '有效期至（不填为长期）', given: '如何表达', g_paper: '签署书面同意', g_verbal: '口头（有见证）', g_guardian: '监护人代为表达', note: '备注（选填）', save: '保存', saved: '已登记', withdrawn: '已撤回', s_in_force: '有效', s_coming: '未生效', s_expired: '已过期', s_withdrawn: '已撤回', consent_line: '{source}的记录 → {target}', recorded_by: '{who}，{time}', until_line: '至 {time}',
    who_saw: '谁看过此病历', who_saw_print: '打印给患者', who_saw_link: '给患者查询链接', link_title: '请患者扫码，并告诉他查询码', link_code: '查询码', link_until: '有效至 {time}；重新生成后旧链接失效', close: '关闭',
  },
  {
    consents: 'Consent', consent_none: 'No consent or refusal on record', record: 'Record consent', withdraw: 'Withdraw', withdraw_title: 'Withdraw this consent?', decision: 'Patient\'s decision', permit: 'agrees to sharing', deny: 'refuses sharing', purpose: 'Purpose', p_treatment: 'Treatment', p_research: 'Research', p_teaching: 'Teaching', p_any: 'All purposes', source: 'Records of', target: 'Shown to', every: 'All institutions', until: 'Valid until (empty: no expiry)', given: 'How given', g_paper: 'Signed on paper', g_verbal: 'Verbal, witnessed', g_guardian: 'By the guardian', note: 'Note (optional)', save: 'Save', saved: 'Recorded', withdrawn: 'Withdrawn', s_in_force: 'In force', s_coming: 'Not yet in force', s_expired: 'Expired', s_withdrawn: 'Withdrawn', consent_line: 'records of {source} → {target}', recorded_by: '{who}, {time}', until_line: 'until {time}',
    who_saw: 'Who saw this record', who_saw_print: 'Print for the patient', who_saw_link: 'Link for the patient', link_title: 'Ask the patient to scan this, and tell them the code', link_code: 'Code', link_until: 'Valid until {time}; a new link replaces this one', close: 'Close',
  },
)
