import { words } from '@/lib/i18n'

export const nw = words(
  {
    title: '数据盘点', explain: '系统自己清点存了哪些数据：只有数目和比例，没有任何内容。缺项按每类最新的 {n} 条统计。分级依据 GB/T 39725-2020 的五级；特殊病种的资料一律按第 5 级管理。', again: '重新清点', counted: '清点时间 {time}', export: '导出', empty: '没有数据', class: '数据类别', count: '数量', level: '敏感级别', owner: '负责人', last: '最近一次', missing: '缺项', each: '各机构{role}', whole: '没有缺项', nothing: '不统计', of_level: '{n} 类', level_n: '第 {n} 级', tables: '{n} 张表', file: 'inventory', table: '表',
    l_1: '可完全公开', l_2: '可在较大范围使用', l_3: '可在中等范围使用', l_4: '仅限较小范围使用', l_5: '仅限极小范围并严格控制',
    k_personal: '个人属性数据', k_health: '健康状况数据', k_medical: '医疗应用数据', k_payment: '医疗支付数据', k_resource: '卫生资源数据', k_public: '公共卫生数据', k_system: '系统运行数据',
  },
  {
    title: 'Data inventory', explain: 'What the system stores, counted by itself: numbers and percentages only, never content. Missing values are counted in the newest {n} of each class. Levels follow GB/T 39725-2020; records of specially protected diseases are always level 5.', again: 'Count again', counted: 'Counted {time}', export: 'Export', empty: 'Nothing stored', class: 'Data class', count: 'Count', level: 'Level', owner: 'Responsible', last: 'Latest', missing: 'Missing', each: '{role} of each institution', whole: 'complete', nothing: 'not counted', of_level: '{n} {n|class|classes}', level_n: 'Level {n}', tables: '{n} {n|table|tables}', file: 'inventory', table: 'Table',
    l_1: 'public', l_2: 'broad use', l_3: 'limited use', l_4: 'restricted use', l_5: 'strictly controlled',
    k_personal: 'personal', k_health: 'health', k_medical: 'medical use', k_payment: 'payment', k_resource: 'health resources', k_public: 'public health', k_system: 'operation',
  },
)
