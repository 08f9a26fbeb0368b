export const packageRoot: string
export function forge(args: readonly string[], stdio?: 'inherit' | 'pipe'): { status: number; stdout: string }
