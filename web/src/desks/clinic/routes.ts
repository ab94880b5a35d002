import type { Desk } from '..'

export default {
  nav: [{ to: '/patients', label: { zh: '患者', en: 'Patients' }, icon: 'user', order: 20, phone: true, rights: ['patient.read'] }],
  routes: [
    { path: '/patients', name: 'patients', component: () => import('./PatientsPage.vue'), meta: { title: { zh: '患者', en: 'Patients' }, rights: ['patient.read'] } },
    { path: '/patients/:patientId', name: 'patient', component: () => import('./PatientPage.vue'), meta: { title: { zh: '患者', en: 'Patient' }, rights: ['patient.read'] } },
    { path: '/cases/new', name: 'case-new', component: () => import('./NewCasePage.vue'), meta: { title: { zh: '新建会诊', en: 'New consultation' }, rights: ['case.create'] } },
    { path: '/cases/:caseId/edit', name: 'case-edit', component: () => import('./EditCasePage.vue'), meta: { title: { zh: '会诊申请', en: 'Application' }, rights: ['case.create'] } },
    { path: '/capture', name: 'capture', component: () => import('./CapturePage.vue'), meta: { bare: true, open: true, title: { zh: '拍照上传', en: 'Photograph documents' } } },
  ],
} satisfies Desk
