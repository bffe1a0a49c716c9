/** How AWS refuses who is not allowed. */
import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { ACCOUNT } from '#localstack/cloud/intrinsics.ts'
import type { Deed } from './allowance.ts'
import type { Service } from './request-deeds.ts'

export interface Refusal extends Deed {
  readonly who: string
  /** Which policy denies it, whatever else allows it. */
  readonly deniedBy?: 'resource-based' | 'identity-based'
}

export function refusal(
  answer: ServerResponse,
  service: Service,
  { who, action, on, deniedBy }: Refusal,
): void {
  const why = deniedBy
    ? `with an explicit deny in ${deniedBy === 'identity-based' ? 'an' : 'a'} ${deniedBy} policy`
    : `because no identity-based policy allows the ${action} action`
  const message = `User: arn:aws:sts::${ACCOUNT}:assumed-role/${who}/${who} is not authorized to perform: ${action} on resource: "${on}" ${why}`
  if (service === 's3') {
    answer.writeHead(403, { 'content-type': 'application/xml', 'x-amz-request-id': 'REFUSED' })
    answer.end(
      `<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code><Message>${message}</Message></Error>`,
    )
    return
  }
  answer.writeHead(403, {
    'content-type': 'application/x-amz-json-1.0',
    'x-amzn-errortype': 'AccessDeniedException',
    'x-amzn-requestid': randomUUID(),
  })
  answer.end(
    JSON.stringify({
      __type: 'com.amazon.coral.service#AccessDeniedException',
      message,
      Message: message,
    }),
  )
}
