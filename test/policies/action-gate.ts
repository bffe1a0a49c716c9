/**
 * Stands between functions and AWS: S3 behind it is a real server, the rest the embedded cloud. Knows by the access key who asks, keeps
 * what was done, and refuses what is not allowed and nobody behind it would refuse: all that the bucket's policy denies is refused here.
 */
import { readFileSync } from 'node:fs'
import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { buffer } from 'node:stream/consumers'
import { TLSSocket } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { listenOnLoopback } from '#localstack/cloud/loopback.ts'
import { type Allowance, covers, type Deed } from './allowance.ts'
import { type Circumstances, type Denial, denialOf } from './bucket-policy.ts'
import { forward } from './forward.ts'
import { type RequestDeeds, requestDeeds } from './request-deeds.ts'
import { refusal } from './refusal.ts'

export interface Principal {
  readonly name: string
  readonly accessKey: string
  readonly allowances: readonly Allowance[]
  /** Of the same policy. */
  readonly denials?: readonly Denial[] | undefined
}

export interface Refused extends Deed {
  readonly who: string
  /** Which statement of the bucket's policy did it. */
  readonly statement?: string
}

/** They break after their first part, or the first answer to the last request of each comes to nobody. */
export type UploadFate = 'work' | 'break' | 'lose answers'

export interface ActionGate {
  /** Of plain HTTP. */
  readonly url: string
  /** `127.0.0.1:port` of that. */
  readonly host: string
  /** The same behind TLS. */
  readonly tlsHost: string
  /** Of the authority whose certificate that is. */
  readonly caFile: string
  admit(principal: Principal): void
  /** Of the bucket's policy. */
  deny(denials: readonly Denial[]): void
  /** Where the rest of AWS is. */
  aws(url: string): void
  /** Where Secrets Manager is; before that, every secret has the same value. */
  secrets(url: string): void
  /** Told of each object that is put, as S3 tells EventBridge. */
  stored(tell: (key: string, size: number) => void): void
  /** By name of the principal, each deed once: what was done, and what was asked for that is never allowed. */
  done(): Map<string, Deed[]>
  /** What was asked for and not allowed, since the last call. */
  takeRefused(): Refused[]
  /** Where the S3 server and the reading of policies here were not of one mind, and requests that are not known. */
  readonly disputes: readonly string[]
  /** What becomes of uploads in parts until the next call. */
  uploads(fate: UploadFate): void
  /** Takes an allowance from somebody until the next call, which gives it back. */
  withhold(who?: string, allowance?: Allowance): void
  stop(): Promise<void>
}

const TLS = new URL('../data/tls/', import.meta.url)

const UPLOAD = /[?&]uploadId=/
const LATER_PART = /[?&]partNumber=(?!1(?:&|$))/

export async function startActionGate(s3: { readonly endpoint: string }): Promise<ActionGate> {
  const principals = new Map<string, Principal>()
  const done = new Map<string, Map<string, Deed>>()
  const disputes: string[] = []
  let refused: Refused[] = []
  let denials: readonly Denial[] = []
  let awsUrl = ''
  let secretsUrl: string | undefined
  let withheld: { readonly who: string; readonly allowance: Allowance } | undefined
  let fate: UploadFate = 'work'
  let tellStored = (_key: string, _size: number): void => undefined
  const lost = new Set<string>()
  // A connection that is kept may be closed by the server just as it is used again.
  const agent = new Agent({ keepAlive: false })

  const note = (who: string, deed: Deed): void => {
    let deeds = done.get(who)
    if (deeds === undefined) done.set(who, (deeds = new Map()))
    deeds.set(`${deed.action} ${deed.on}`, deed)
  }

  const mayNot = ({ name, allowances }: Principal, deeds: readonly Deed[]): Deed | undefined =>
    deeds.find(
      (deed) =>
        !allowances.some(
          (allowance) =>
            covers(allowance, deed) &&
            !(withheld?.who === name && withheld.allowance === allowance),
        ),
    )

  async function handle(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = incoming
    const body = headers['x-amz-target'] === undefined ? undefined : await buffer(incoming)
    const asked = requestDeeds({ method, url, headers, body: body?.toString() ?? '' })
    const key = /Credential=([^/]+)\//.exec(headers.authorization ?? '')?.[1] ?? 'nobody'
    const who = principals.get(key)
    if (who === undefined) throw new Error(`${method} ${url}: ${key} is not known`)
    if (fate === 'break' && LATER_PART.test(url)) {
      incoming.resume()
      answer.writeHead(400, { 'content-type': 'application/xml' })
      answer.end('<Error><Code>InvalidRequest</Code><Message>broken for a test</Message></Error>')
      return
    }
    const circumstances = { ...asked.circumstances, ...transport(incoming) }
    for (const deed of asked.deeds) {
      const denial = denialOf([...(who.denials ?? []), ...denials], deed, circumstances)
      if (denial === undefined) continue
      incoming.resume()
      refused.push({ who: who.name, ...deed, statement: denial.name })
      const deniedBy = denials.includes(denial) ? 'resource-based' : 'identity-based'
      refusal(answer, asked.service, { who: who.name, ...deed, deniedBy })
      return
    }
    const wrong = mayNot(who, asked.deeds)
    if (wrong !== undefined && !who.allowances.some((allowance) => covers(allowance, wrong))) {
      note(who.name, wrong)
    }
    // What S3 judges by itself is left to it, but for what is withheld, and for what it would not ask for.
    const refusedHere =
      wrong !== undefined &&
      (asked.service === 'other' || withheld !== undefined || headers['if-match'] !== undefined)
    if (refusedHere) {
      incoming.resume()
      refused.push({ who: who.name, ...wrong })
      refusal(answer, asked.service, { who: who.name, ...wrong })
      return
    }
    const wantsSecret = asked.deeds[0]?.action === 'secretsmanager:GetSecretValue'
    if (wantsSecret && secretsUrl === undefined) {
      note(who.name, asked.deeds[0]!)
      answer.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' })
      answer.end(JSON.stringify({ SecretString: 'secret' }))
      return
    }
    const others = wantsSecret ? secretsUrl : awsUrl
    const base = asked.service === 's3' ? `http://${s3.endpoint}` : others
    const hidesAbsence =
      asked.whenAbsent !== undefined && mayNot(who, [asked.whenAbsent]) !== undefined
    const losesAnswer =
      fate === 'lose answers' && method === 'POST' && UPLOAD.test(url) && !lost.has(url)
    if (losesAnswer) lost.add(url)
    const status = await forward(`${base}${url}`, incoming, answer, body, {
      agent,
      instead: (seen) => {
        if (losesAnswer) return () => void answer.writeHead(500).end()
        if (seen !== 404 || !hidesAbsence) return undefined
        if (withheld !== undefined) refused.push({ who: who.name, ...asked.whenAbsent })
        return () => refusal(answer, 's3', { who: who.name, ...asked.deeds[0]! })
      },
    })
    judge(who, asked, status, wrong)
    if (method === 'PUT' && status === 200 && !UPLOAD.test(url)) {
      const size = headers['x-amz-decoded-content-length'] ?? headers['content-length']
      tellStored(asked.deeds[0]!.on.replace(/^arn:aws:s3:::[^/]+\//, ''), Number(size))
    }
  }

  function judge(
    who: Principal,
    { service, deeds, whenAbsent }: RequestDeeds,
    status: number,
    wrong: Deed | undefined,
  ): void {
    const { name } = who
    if (wrong !== undefined) {
      refused.push({ who: name, ...wrong })
      if (status !== 403) disputes.push(`${name}: S3 let ${wrong.action} on ${wrong.on} pass`)
      return
    }
    // To whom may not list, what is absent is forbidden.
    const seesAbsence = whenAbsent === undefined || mayNot(who, [whenAbsent]) === undefined
    if (service === 's3' && status === 403 && seesAbsence) {
      disputes.push(
        `${name}: S3 refused ${deeds.map(({ action, on }) => `${action} on ${on}`).join(', ')}`,
      )
      return
    }
    for (const deed of deeds) note(name, deed)
    if (status === 404 && whenAbsent !== undefined && seesAbsence) note(name, whenAbsent)
  }

  const serve = (incoming: IncomingMessage, answer: ServerResponse): void => {
    handle(incoming, answer).catch((error: NodeJS.ErrnoException) => {
      // A connection that was kept, and closed as it was used again, or one of a function that was killed: as on any way to S3.
      if (error.code === 'ECONNRESET') {
        answer.destroy()
        return
      }
      disputes.push(`${incoming.method} ${incoming.url}: ${String(error)}`)
      if (!answer.headersSent) answer.writeHead(500)
      answer.end()
    })
  }
  const [key, cert] = ['server.key', 'server.pem'].map((name) => readFileSync(new URL(name, TLS)))
  const servers = [createServer(serve), createTlsServer({ key, cert }, serve)] as const
  const [plain, tls] = await Promise.all(servers.map((server) => listenOnLoopback(server, 0)))
  return {
    url: `http://127.0.0.1:${plain}`,
    host: `127.0.0.1:${plain}`,
    tlsHost: `127.0.0.1:${tls}`,
    caFile: fileURLToPath(new URL('ca.pem', TLS)),
    admit: (principal) => void principals.set(principal.accessKey, principal),
    deny: (policy) => void (denials = policy),
    aws: (url) => void (awsUrl = url),
    stored: (tell) => void (tellStored = tell),
    secrets: (url) => void (secretsUrl = url),
    done: () => new Map([...done].map(([who, deeds]) => [who, [...deeds.values()]])),
    takeRefused() {
      const taken = refused
      refused = []
      return taken
    },
    disputes,
    uploads: (wanted) => void (fate = wanted),
    withhold(who, allowance) {
      withheld = who === undefined ? undefined : { who, allowance: allowance! }
    },
    async stop() {
      agent.destroy()
      for (const server of servers) {
        server.closeAllConnections()
        await new Promise<void>((closed) => server.close(() => closed()))
      }
    },
  }
}

function transport({ socket }: IncomingMessage): Circumstances {
  if (!(socket instanceof TLSSocket)) return { 'aws:SecureTransport': 'false' }
  const version = socket.getProtocol()?.replace('TLSv', '') ?? ''
  return { 'aws:SecureTransport': 'true', 's3:TlsVersion': version }
}
