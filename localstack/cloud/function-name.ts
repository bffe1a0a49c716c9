/** How functions are called in ARNs, and the other way. */
import { ACCOUNT, REGION } from './intrinsics.ts'

export function functionArn(name: string): string {
  return `arn:aws:lambda:${REGION}:${ACCOUNT}:function:${name}`
}

/** The name in a name, a partial or a whole ARN, with or without a qualifier. */
export function functionNameOf(reference: string): string {
  const match = /(?:^|:function:)([A-Za-z0-9_-]+)(?::[^:]+)?$/.exec(reference)
  return match?.[1] ?? reference
}
