import { expect, test } from 'vitest'
import { cachedChain } from '../../gateway/chain/cached-chain.ts'
import { type ChainReader, ChainUnavailable } from '../../gateway/chain/chain-reader.ts'
import { createTestChain, createTestClock, testNames } from '../fixtures.ts'

/** A cached reader over a table, that counts the questions which reach the table. */
function begin(ttlSeconds = 15) {
  const chain = createTestChain(testNames)
  const clock = createTestClock()
  const asked: string[] = []
  const counted: ChainReader = {
    ...chain,
    readAuthority: async (ensName) => {
      asked.push(ensName)
      return chain.readAuthority(ensName)
    },
  }
  return { chain, clock, asked, cached: cachedChain(counted, ttlSeconds, clock) }
}

test('protocol 5: authority is remembered for less than 15 s, counted from before the question', async () => {
  const { clock, asked, cached, chain } = begin()
  const first = await cached.readAuthority('acme.eth')
  clock.advance(14)
  expect(await cached.readAuthority('acme.eth')).toBe(first)
  chain.setName('acme.eth', { owner: null })
  expect((await cached.readAuthority('acme.eth')).owner).toBe(first.owner)
  clock.advance(1)
  expect((await cached.readAuthority('acme.eth')).owner).toBeNull()
  expect(asked).toEqual(['acme.eth', 'acme.eth'])
})

test('questions about one name at the same time are one question, about another name another', async () => {
  const { asked, cached } = begin()
  const names = ['acme.eth', 'acme.eth', 'other.eth', 'acme.eth']
  const answers = await Promise.all(names.map((name) => cached.readAuthority(name)))
  expect(answers.map(({ ensName }) => ensName)).toEqual(names)
  expect(asked).toEqual(['acme.eth', 'other.eth'])
})

test('a failure is told to all who wait and not remembered', async () => {
  const { asked, cached, chain } = begin()
  chain.setDown(true)
  const waiting = ['acme.eth', 'acme.eth'].map((name) => cached.readAuthority(name))
  for (const answer of waiting) await expect(answer).rejects.toBeInstanceOf(ChainUnavailable)
  chain.setDown(false)
  expect((await cached.readAuthority('acme.eth')).owner).not.toBeNull()
  expect(asked).toHaveLength(2)
})

test('a clock that goes back makes the reader ask again', async () => {
  const { asked, cached, clock } = begin()
  await cached.readAuthority('acme.eth')
  clock.advance(-1)
  await cached.readAuthority('acme.eth')
  expect(asked).toHaveLength(2)
})

test('memory is bounded: 10,000 names, the one remembered longest goes first', async () => {
  const { asked, cached } = begin()
  for (let i = 0; i <= 10_000; i++) await cached.readAuthority(`n${i}.acme.eth`)
  await cached.readAuthority('n1.acme.eth')
  expect(asked).toHaveLength(10_001)
  await cached.readAuthority('n0.acme.eth')
  expect(asked).toHaveLength(10_002)
})
