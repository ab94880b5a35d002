export interface PatientLine {
  id: string
  local_number: string
  name: string
  pinyin: string
  sex: 'male' | 'female' | 'unknown'
  birth_date: string | null
  age_text: string
  age_text_en?: string
  id_type: string
  id_no_masked: string | null
  phone_masked: string | null
  temporary: boolean
  version: number
}
export interface Patient extends PatientLine {
  /** The ground on which it is open to the reader (patient.get alone says it). */
  basis?: 'own' | 'case' | 'consent' | 'emergency' | 'none'
  nationality: string | null
  insurance_type: string | null
  insurance_no_masked: string | null
  address: string | null
  guardian: { name: string | null; relation: string | null; phone: string | null } | null
  allergy: { state: 'none' | 'yes' | 'unknown'; detail: string | null } | null
}
export const ID_TYPES = ['id_card', 'none', 'birth_certificate', 'household', 'passport', 'hk_macao_permit', 'taiwan_permit', 'residence_card', 'military', 'other'] as const
