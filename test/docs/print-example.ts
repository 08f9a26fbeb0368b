// `npx tsx test/docs/print-example.ts`: the numbers of docs/ensip-oci-tags.md, ready to be put there by somebody who knows why they changed.
import { computeExample } from './example.ts'
import { renderNumber } from './page.ts'

for (const [name, value] of await computeExample()) process.stdout.write(`${renderNumber(name, value)}\n`)
