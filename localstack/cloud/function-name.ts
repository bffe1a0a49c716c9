/** How functions are called in ARNs, and the other way. */
import { ACCOUNT, REGION } from './intrinsics.ts'

/** What is behind a name without a version or an alias. */
export const LATEST = '$LATEST'

/** A qualifier is the number of a version or the name of an alias. */
export function functionArn(name: string, qualifier: string = LATEST): string {
  const arn = `arn:aws:lambda:${REGION}:${ACCOUNT}:function:${name}`
  return qualifier === LATEST ? arn : `${arn}:${qualifier}`
}

export interface FunctionReference {
  readonly name: string
  readonly qualifier: string
}

/** Of a name, a partial or a whole ARN. */
export function parseFunction(reference: string): FunctionReference {
  const match = /(?:^|:function:)([A-Za-z0-9_-]+)(?::([^:]+))?$/.exec(reference)
  return { name: match?.[1] ?? reference, qualifier: match?.[2] ?? LATEST }
}

export function functionNameOf(reference: string): string {
  return parseFunction(reference).name
}

/** `name`, or `name:qualifier`. */
export function shortReference(reference: string): string {
  const { name, qualifier } = parseFunction(reference)
  return qualifier === LATEST ? name : `${name}:${qualifier}`
}
