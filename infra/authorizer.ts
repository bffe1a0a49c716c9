/** The `authorize` function: whose token a request has, before anything else is woken. */
import { Duration } from 'aws-cdk-lib'
import {
  HttpLambdaAuthorizer,
  HttpLambdaResponseType,
} from 'aws-cdk-lib/aws-apigatewayv2-authorizers'
import type { Construct } from 'constructs'

import type { MetricsBucket } from './bucket.ts'
import type { StackConfig } from './stack-config.ts'
import { ThawFunction } from './thaw-function.ts'

/** Infrastructure imports nothing of `lib`: `test/infra/http-api.test.ts` holds that it is the one of `lib/auth/token-reader.ts`. */
const DECISION_TTL = Duration.seconds(30)

export class AuthorizeFunction extends ThawFunction {
  constructor(
    scope: Construct,
    id: string,
    { config, bucket }: { config: StackConfig; bucket: MetricsBucket },
  ) {
    super(scope, id, {
      config,
      name: 'authorize',
      description: 'Says whose token a request has',
      memoryMb: 512,
      timeoutSeconds: 10,
      environment: { THAW_OBJSTORE_CONFIG: bucket.objstoreConfig() },
    })
    // Not to list: where there is no token yet, S3 says 403, which is read as none.
    this.allowRead(bucket, ['tokens'])
  }
}

/** Without an `Authorization` header nobody is asked; what it said is kept, by that header, for all routes. */
export function tokenAuthorizer(authorize: AuthorizeFunction): HttpLambdaAuthorizer {
  return new HttpLambdaAuthorizer('Tokens', authorize.live, {
    authorizerName: 'tokens',
    responseTypes: [HttpLambdaResponseType.SIMPLE],
    identitySource: ['$request.header.Authorization'],
    resultsCacheTtl: DECISION_TTL,
  })
}
