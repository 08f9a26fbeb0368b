import { expect, test } from 'vitest'
import { type LookupCase, lookupVectors } from '../ens/vector-suite.ts'
import { formatVectors } from '../tags/vector-suite.ts'

// The cases that Node and the contract run, in workerd.

const lookups = import.meta.glob<LookupCase[]>('../vectors/lookup/*.json', { eager: true, import: 'default' })
const formats = import.meta.glob<unknown[]>('../vectors/*.json', { eager: true, import: 'default' })

test('all files are here', () => {
  expect([Object.keys(lookups).length, Object.keys(formats).length]).toEqual([13, 4])
})

lookupVectors(new Map(Object.entries(lookups)))
formatVectors(<Case>(file: string) => (formats[`../vectors/${file}`] ?? null) as Case[] | null, { areOurs: true })
