import { expect, test } from 'vitest'
import { warningValue } from '../../gateway/oci/warning.ts'

test('distribution-spec "Warnings": code 299, agent -, a quoted text, no date', () => {
  expect(warningValue('the list expired')).toBe('299 - "the list expired"')
})

test.each([
  ['a "quoted" \\ text', '299 - "a \\"quoted\\" \\\\ text"'],
  ['a\r\nInjected: header', '299 - "a??Injected: header"'],
  ['naïve ✓ \u0000', '299 - "na?ve ? ?"'],
])('RFC 9110 5.6.4 %j stays one quoted string of visible ASCII', (text, value) => {
  expect(warningValue(text)).toBe(value)
})

test('distribution-spec "Warnings": several of them stay below 4096 bytes', () => {
  expect(warningValue('"'.repeat(5000)).length).toBeLessThan(4096 / 2)
})
