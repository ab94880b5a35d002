import { computed, inject, useId, type ComputedRef, type InjectionKey } from 'vue'

export interface FieldContext {
  id: string
  describedby: ComputedRef<string | undefined>
  invalid: ComputedRef<boolean>
  required: ComputedRef<boolean>
  label: ComputedRef<string>
}
export const fieldKey: InjectionKey<FieldContext> = Symbol('field')

/** Attributes a control binds so that it belongs to the YField around it. */
export function useField(): { id: string; attrs: ComputedRef<Record<string, unknown>>; label: ComputedRef<string> } {
  const field = inject(fieldKey, null)
  const id = field?.id ?? useId()
  return {
    id,
    label: field?.label ?? computed(() => ''),
    attrs: computed(() => ({
      id,
      'aria-describedby': field?.describedby.value,
      'aria-invalid': field?.invalid.value ? 'true' : undefined,
      'aria-required': field?.required.value ? 'true' : undefined,
    })),
  }
}
