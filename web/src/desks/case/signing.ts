import { computed, ref } from 'vue'
import type { Fault } from '@/lib/api'
import { giveCode, me } from '@/lib/session'
import { serverNow } from '@/lib/time'

export type Asked = 'nothing' | 'code' | 'password' | 'enrol'

/** What binds a signature to the person: a fresh second factor, or the password once more where the site allows it. The server decides;
 * this only asks for the likely thing first. */
export function useSigning() {
  const password = ref('')
  const code = ref('')
  const refused = ref<Asked | null>(null)
  const fresh = computed(() => (me.value?.second_factor_until_ms ?? 0) > serverNow())
  const asked = computed<Asked>(() => refused.value ?? (fresh.value ? 'nothing' : me.value?.totp_enrolled ? 'code' : 'password'))
  const ready = computed(() => asked.value === 'nothing' || (asked.value === 'code' && code.value.trim().length === 6) || (asked.value === 'password' && !!password.value))
  /** Gives the code; resolves to what the act itself must carry. */
  async function prove(): Promise<{ password?: string }> {
    if (asked.value === 'code') {
      await giveCode(code.value.trim())
      code.value = ''
      refused.value = null
    }
    return asked.value === 'password' ? { password: password.value } : {}
  }
  /** True when the fault was about this. */
  function refuse(fault: Fault): boolean {
    if (fault.code === 'second_factor_required') refused.value = fault.reason === 'not_enrolled' ? 'enrol' : fault.reason === 'password' ? 'password' : 'code'
    return fault.code === 'second_factor_required'
  }
  return { password, code, asked, ready, prove, refuse }
}
export type Signing = ReturnType<typeof useSigning>
