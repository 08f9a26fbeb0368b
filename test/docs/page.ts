import { readFileSync } from 'node:fs'

/** Where the example stands. */
export const pageUrl = new URL('../../docs/ensip-oci-tags.md', import.meta.url)

const bytesPerLine = 48

/** The numbers of the page's worked example by name: lines `name = value`, a long value going on in lines that begin with a space. */
export function readPageNumbers(text: string = readFileSync(pageUrl, 'utf8')): Map<string, string> {
  const [, example = ''] = text.split('\n## Worked example\n')
  const numbers = new Map<string, string>()
  let name = ''
  for (const line of example.split('\n')) {
    const [, indent = '', named, value = ''] = /^( {4})?(?:([\w][\w -.]*?) = )?(.*)$/.exec(line) ?? []
    const isMore = indent !== '' && named === undefined && name !== ''
    if (isMore) numbers.set(name, `${numbers.get(name)}${value.trim()}`)
    else name = indent === '' ? '' : (named ?? '')
    if (!isMore && name !== '') numbers.set(name, value)
  }
  return numbers
}

/** The lines of one number as the page writes it, in an indented code block. */
export function renderNumber(name: string, value: string): string {
  const digitsPerLine = 2 * bytesPerLine
  const first = value.slice(0, digitsPerLine + 2)
  const rest = value.slice(digitsPerLine + 2).match(new RegExp(`.{1,${digitsPerLine}}`, 'g')) ?? []
  return [`    ${name} = ${first}`, ...rest.map((line) => `      ${line}`)].join('\n')
}
