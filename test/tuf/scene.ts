import { onTestFinished } from 'vitest'
import { type Draft, type Image, imageThatSays, publish } from './publication.ts'
import type { Stage } from './stage.ts'
import { startToldGateway } from './told-gateway.ts'

/** What most names here have, and what they are moved to. */
export const [one, two] = [imageThatSays('one'), imageThatSays('two')]

/** A name, a gateway that shows the list of a draft whenever it is told to, and a client that has seen nothing. */
export async function openShowing(stage: Stage) {
  const ensName = await stage.openName()
  const gateway = await startToldGateway()
  onTestFinished(gateway.close)
  const issuedAt = BigInt(Math.floor(Date.now() / 1000))
  const show = async (version: bigint, draft: Draft = {}, tags: Record<string, Image> = { a: one, b: one }) => {
    gateway.publication = await publish(stage.domain, ensName, tags, { version, issuedAt, ...draft })
    return gateway.publication.signed
  }
  return { ensName, gateway, show, client: stage.openClient([gateway.url]) }
}
