import { startClassicEngine, whyNoEngine } from '../../interop/docker-engine.ts'
import type { InstalledClient } from './clients.ts'
import { failureOf, startProxies } from './proxies.ts'
import { type Finding, honestDigest, judge, type Question, type Reader } from './reader.ts'
import { turn } from './turns.ts'

/** `docker pull` at an engine of our own. What it stored is removed, so that the next pull is one. */
export const dockerClient: InstalledClient = {
  name: 'docker',
  whyNot: whyNoEngine,
  open: async (world) => {
    const [engine, proxies] = await Promise.all([
      startClassicEngine({ 'max-download-attempts': 1 }),
      startProxies(world, 'docker'),
    ])
    const { docker } = engine
    const ask: Reader['ask'] = async (question, session) => {
      const { scene, tag } = question
      const image = `${proxies.hostOf(session)}/${scene.repository}:${tag}`
      const mark = proxies.mark(session)
      try {
        await turn(() => docker('pull', '--quiet', image))
        const id = (await docker('image', 'inspect', '--format', '{{.Id}}', image)).trim()
        await docker('rmi', '--force', image)
        return judgeStored(question, id)
      } catch (error) {
        const failure = failureOf(proxies.noted(scene, session, mark), String(error))
        return failure === 'no such tag' ? judge(question, null) : failure
      }
    }
    const close = async () => void (await Promise.all([engine.stop(), proxies.close()]))
    return { name: 'docker', column: 'proxy', kinds: ['pull'], ask, close }
  },
}

/** docker's name of an image is its config's digest. */
function judgeStored(question: Question, id: string): Finding {
  const honest = honestDigest(question)
  return judge(question, id === question.scene.image.config.digest ? honest : `the image ${id}`)
}
