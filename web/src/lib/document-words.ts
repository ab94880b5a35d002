import { words } from './i18n'

export const ww = words({ rotate: '旋转', brightness: '亮度' }, { rotate: 'Rotate', brightness: 'Brightness' })
