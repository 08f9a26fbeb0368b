import { createApp } from '../gateway/app.ts'
import { ConfigError } from '../gateway/config.ts'
import { lookupErrorResponse, registryErrorResponse } from '../gateway/errors.ts'
import { OciError } from '../gateway/oci/error.ts'
import { rawPathOf } from '../gateway/oci/path.ts'
import { readWorkerConfig } from './config.ts'
import { log, openDeps, type WorkerDeps } from './deps.ts'
import type { Env } from './env.ts'

/** The app over a Worker's bindings: the same that listens on Node. */
export type WorkerGateway = {
  fetch(request: Request): Promise<Response>
  /** What the app stands on. @throws ConfigError */
  deps(): Promise<WorkerDeps>
}

/** Opened with the first request. What is wrong with the vars is the answer to every request, and names the key. */
export function createWorkerGateway(env: Env): WorkerGateway {
  let opened: Awaited<ReturnType<typeof open>> | undefined
  const open = async () => {
    const config = readWorkerConfig(env)
    const deps = await openDeps(env, config)
    return { deps, app: createApp(deps), addressHeader: config.clientAddressHeader ?? '' }
  }
  return {
    async deps() {
      opened ??= await open()
      return opened.deps
    },
    async fetch(request) {
      try {
        opened ??= await open()
        const { app, addressHeader } = opened
        return await app.fetch(request, { client: request.headers.get(addressHeader) ?? '' })
      } catch (error) {
        return failureOf(error, request)
      }
    },
  }
}

/** What goes wrong outside the app, in the form of the API that was asked. */
export function failureOf(error: unknown, request: Request): Response {
  const errorResponse = rawPathOf(request.url).startsWith('/ccip/') ? lookupErrorResponse : registryErrorResponse
  return errorResponse(error instanceof ConfigError ? unusable(error) : error, log, request)
}

function unusable({ message }: ConfigError): OciError {
  log('configuration unusable', { message })
  return new OciError('UNKNOWN', `this gateway is not configured: ${message}`)
}
