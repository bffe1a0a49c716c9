/** As much of SQS's JSON API as a function needs to send: SendMessage and SendMessageBatch. */
import type { IncomingMessage, ServerResponse } from 'node:http'

import { LIMITS } from './limits.ts'
import { readBodyWithin } from './loopback.ts'
import type { Queue } from './queue.ts'

interface SendRequest {
  readonly QueueUrl: string
  readonly MessageBody?: string
  readonly Entries?: readonly { readonly Id: string; readonly MessageBody: string }[]
}

export class QueueApi {
  readonly #queues: ReadonlyMap<string, Queue>

  constructor(queues: ReadonlyMap<string, Queue>) {
    this.#queues = queues
  }

  /** False when the request is not for this API. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const target = request.headers['x-amz-target']
    if (typeof target !== 'string' || !target.startsWith('AmazonSQS.')) return false
    const body = await readBodyWithin(request, LIMITS.asyncRequestBytes)
    if (body === undefined) {
      answer(response, 400, { __type: 'InvalidParameterValue', message: 'message is too long' })
      return true
    }
    const sent = JSON.parse(body.toString()) as SendRequest
    const name = sent.QueueUrl.slice(sent.QueueUrl.lastIndexOf('/') + 1)
    const queue = this.#queues.get(name)
    if (queue === undefined) {
      answer(response, 400, { __type: 'QueueDoesNotExist', message: `no queue ${name}` })
    } else if (target === 'AmazonSQS.SendMessage') {
      const { id, md5 } = queue.send(sent.MessageBody ?? '')
      answer(response, 200, { MessageId: id, MD5OfMessageBody: md5 })
    } else if (target === 'AmazonSQS.SendMessageBatch') {
      const Successful = (sent.Entries ?? []).map(({ Id, MessageBody }) => {
        const { id, md5 } = queue.send(MessageBody)
        return { Id, MessageId: id, MD5OfMessageBody: md5 }
      })
      answer(response, 200, { Successful, Failed: [] })
    } else {
      answer(response, 400, { __type: 'InvalidAction', message: `${target} is not known here` })
    }
    return true
  }
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' })
  response.end(JSON.stringify(body))
}
