/** Rule files in the bucket: `thaw/rule/files/<name>.yaml`, each as it was written. */
import type { Bucket, GetOptions } from '#lib/bucket/bucket.ts'
import { DomainError } from '#lib/model/errors.ts'
import { parseRuleFile, type RuleFile, type RuleFileOptions } from './rule-file.ts'

export const RULE_FILES_PREFIX = 'thaw/rule/files/'

export interface StoredRuleFile {
  /** `team-a.yaml`, or with folders: `team/a.yml`. */
  readonly name: string
  readonly etag: string
  readonly size: number
  readonly lastModifiedMs: number
}

/** One listing. By name; what is no YAML by its name is left out. */
export async function listRuleFiles(
  bucket: Bucket,
  options: GetOptions = {},
): Promise<StoredRuleFile[]> {
  const files: StoredRuleFile[] = []
  for await (const { objects } of bucket.list(RULE_FILES_PREFIX, { signal: options.signal })) {
    for (const { key, etag, size, lastModifiedMs } of objects) {
      const name = key.slice(RULE_FILES_PREFIX.length)
      if (isRuleFileName(name)) files.push({ name, etag, size, lastModifiedMs })
    }
  }
  return files
}

export interface RuleFileText {
  readonly text: string
  readonly etag: string
}

/** Rejects with NotFoundError, or `invalid` where the bytes are no text. */
export async function getRuleFile(
  bucket: Bucket,
  name: string,
  options: GetOptions = {},
): Promise<RuleFileText> {
  const { body, etag } = await bucket.get(keyOf(name), options)
  return { text: decodeRuleFile(body, name), etag }
}

/** Written only if it is good: rejects with RuleFileError. */
export async function putRuleFile(
  bucket: Bucket,
  name: string,
  text: string,
  options: GetOptions & RuleFileOptions = {},
): Promise<{ readonly etag: string; readonly file: RuleFile }> {
  const file = parseRuleFile(text, { name, ...options })
  const { etag } = await bucket.put(keyOf(name), new TextEncoder().encode(text), {
    contentType: 'application/yaml',
    signal: options.signal,
  })
  return { etag, file }
}

/** Rejects with NotFoundError. */
export async function deleteRuleFile(
  bucket: Bucket,
  name: string,
  options: GetOptions = {},
): Promise<void> {
  await bucket.head(keyOf(name), options)
  await bucket.delete(keyOf(name), options)
}

/** Bytes → text. Throws `invalid` for what is not UTF-8. */
export function decodeRuleFile(body: Uint8Array, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
  } catch (cause) {
    throw new DomainError('invalid', `${name}: the file is not UTF-8`, { cause })
  }
}

/** Words of letters, digits, `.`, `_`, `-`, and `/` between them; YAML by its end. */
export function isRuleFileName(name: string): boolean {
  return (
    /^[\w.-]+(\/[\w.-]+)*\.ya?ml$/.test(name) &&
    !/(^|\/)\.{1,2}(\/|$)/.test(name) &&
    name.length < 256
  )
}

function keyOf(name: string): string {
  if (isRuleFileName(name)) return RULE_FILES_PREFIX + name
  throw new DomainError(
    'invalid',
    `${name} can't be the name of a rule file: take letters, digits, '.', '_', '-' and '/', with .yaml or .yml at the end`,
  )
}
