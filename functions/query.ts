/** Lambda `query`: the HTTP API, behind a gateway that has found out who asks. */
import { callerOfEvent } from '#lib/lambda/authorizer-context.ts'
import type { HttpEnvironment, HttpEvent, HttpResult } from '#lib/lambda/http.ts'
import { MAX_LAMBDA_BODY_BYTES, lambdaHttp } from '#lib/lambda/http.ts'
import { environment, queryApp } from './query-app.ts'

const app = queryApp({
  callerOf: (_, env) => callerOfEvent((env as HttpEnvironment).event),
  limits: { maxResponseBytes: MAX_LAMBDA_BODY_BYTES, streamUrl: environment.streamUrl },
}).then(lambdaHttp)

export async function handler(event: HttpEvent): Promise<HttpResult> {
  return (await app)(event)
}
