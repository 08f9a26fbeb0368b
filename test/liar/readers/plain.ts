import { pull } from '../../e2e/proxied.ts'
import { descriptorOf } from '../image.ts'
import type { LiarWorld } from '../world.ts'
import { startProxies } from './proxies.ts'
import { type Finding, honestDigest, judge, judgeTags, type Question, type Reader, refused } from './reader.ts'

type Answered = Awaited<ReturnType<typeof pull>>

/**
 * Plain HTTP through the proxy, which checks nothing by itself but compares every byte, type and digest with the honest ones: what
 * other clients would refuse on their own is accepted here.
 */
export async function openPlain(world: LiarWorld): Promise<Reader & { close(): Promise<void> }> {
  const proxies = await startProxies(world, 'plain')
  const ask: Reader['ask'] = async (question, session) => {
    const { repository } = question.scene
    const mark = proxies.mark(session)
    const get = async (path: string): Promise<Answered | Finding> => {
      const answer = await pull(`http://${proxies.hostOf(session)}`, `${repository}/${path}`)
      if (answer.bytes === null)
        return refused(proxies.noted(question.scene, session, mark) ?? 'no reason', 'broke off')
      return answer.status === 200 ? answer : refusalIn(question, answer)
    }
    return questions[question.kind](question, get)
  }
  return { name: 'http', column: 'proxy', kinds: ['pull', 'tags', 'referrers'], ask, close: proxies.close }
}

type Get = (path: string) => Promise<Answered | Finding>

/** 403 with its reason, 503 without one, and 404 MANIFEST_UNKNOWN of a tag: "no such tag". */
function refusalIn(question: Question, { status, error }: Answered): Finding {
  const said = `${status} ${error?.message}`
  if (status === 403) return refused(error?.detail?.reason ?? 'no reason', said)
  if (status === 503) return refused('GatewayUnavailable', said)
  return status === 404 ? judge(question, null) : refused('no reason', said)
}

const questions: Readonly<Record<Question['kind'], (question: Question, get: Get) => Promise<Finding>>> = {
  pull: pullAll,
  tags: listTags,
  referrers: listReferrers,
}

/** The manifest, what it names, and so on down. */
async function pullAll(question: Question, get: Get): Promise<Finding> {
  const { image } = question.scene
  const digest = honestDigest(question)
  const parts = Object.values(image)
  const first = digest === image.imageIndex.digest ? parts : parts.slice(1)
  for (const [position, content] of first.entries()) {
    const kind = content === image.imageIndex || content === image.manifest ? 'manifests' : 'blobs'
    const answer = await get(`${kind}/${position === 0 ? question.tag : content.digest}`)
    if ('said' in answer || !('bytes' in answer)) return answer
    const isSame = Buffer.from(answer.bytes ?? []).equals(content.bytes)
    const type = kind === 'manifests' ? content.mediaType : 'application/octet-stream'
    const seen = [answer.headers.get('content-type'), answer.headers.get('docker-content-digest')]
    const wanted = [type, content.digest]
    if (digest === null || !isSame || `${seen}` !== `${wanted}`) {
      return { status: 'accepted', what: `${seen} with ${answer.bytes?.length} bytes instead of ${wanted}` }
    }
  }
  return { status: 'honest' }
}

async function listTags(_: Question, get: Get): Promise<Finding> {
  const answer = await get('tags/list')
  if (!('bytes' in answer)) return answer
  const { tags } = JSON.parse(Buffer.from(answer.bytes ?? []).toString()) as { tags: string[] }
  return judgeTags(tags)
}

/** A gateway's word about referrers is passed on as such: only what cannot be an index is refused. Nobody has any. */
async function listReferrers({ scene }: Question, get: Get): Promise<Finding> {
  const subject = descriptorOf(scene.image.manifest).digest
  const answer = await get(`referrers/${subject}`)
  if (!('bytes' in answer)) return answer
  const isMarked = answer.headers.get('warning')?.includes('unverified') === true
  const { manifests } = JSON.parse(Buffer.from(answer.bytes ?? []).toString()) as { manifests: { digest: string }[] }
  if (!isMarked) return { status: 'accepted', what: 'referrers without a warning' }
  for (const { digest } of manifests) {
    const pulled = await get(`manifests/${digest}`)
    if (!('bytes' in pulled)) return pulled
    return { status: 'accepted', what: `the referrer ${digest}` }
  }
  return { status: 'honest' }
}
