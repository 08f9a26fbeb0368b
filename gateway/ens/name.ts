import type { Hex } from 'viem'

/**
 * A repository name of the registry API and the ENS name behind it (protocol.md 1): `acme.eth/web` is `web.acme.eth`.
 * The ENS name is the key everywhere behind the parser.
 */
export type RepositoryName = { repository: string; ensName: string }

/**
 * Parses the `<name>` of a registry path; with `ns` (containerd and Docker 28+ send `?ns=`) the first component is `ns` where the
 * path does not already begin with it. Never repairs. @throws OciError NAME_INVALID saying which rule is broken
 */
export declare function parseRepository(path: string, ns?: string): RepositoryName

/** The repository form of an ENS name: `web.acme.eth` is `acme.eth/web`. @throws OciError NAME_INVALID */
export declare function repositoryOf(ensName: string): string

/** Reads NAME of the command line, `web.acme.eth` or `acme.eth/web`. @throws OciError NAME_INVALID */
export declare function parseNameArgument(text: string): RepositoryName

/** A tag by the grammar `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`. */
export declare function isTag(text: string): boolean

/** DNS wire form with the final zero byte. @throws Refusal InvalidName */
export declare function encodeDnsName(ensName: string): Hex

/**
 * Reads a DNS wire name whole; each label is checked by itself: a dot, a NUL or a compression pointer inside one is refused, and so
 * are trailing bytes. Bytes outside ASCII are legal UTF-8 labels here (a Unicode name keeps its other records).
 * @throws Refusal InvalidName
 */
export declare function decodeDnsName(bytes: Hex): { labels: string[]; ensName: string; node: Hex }

/** Whether decoded labels are a repository's: ASCII, normalized, 2..10 labels (the grammar of protocol.md 1). @throws Refusal InvalidName when not */
export declare function checkRepositoryLabels(labels: readonly string[]): void

/** ENS namehash of a dotted name (EIP-137). */
export declare function nodeOf(ensName: string): Hex
