import type { Env } from './env.ts'

export async function keepUp(_env: Env): Promise<void> {}
