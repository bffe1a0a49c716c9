/** Where alarms go: a topic that they alone may write to, and whoever is told by e-mail. */
import { Stack } from 'aws-cdk-lib'
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Topic } from 'aws-cdk-lib/aws-sns'
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions'
import { Construct } from 'constructs'

import { acknowledge } from './acknowledge.ts'
import type { StackConfig } from './stack-config.ts'

export class AlarmTopic extends Construct {
  readonly topic: Topic

  constructor(scope: Construct, id: string, { stackName, alarmEmail }: StackConfig) {
    super(scope, id)
    // No key of KMS: alarms can't use that of AWS, so it would be one of our own, for as much a month as all else of an idle stack. What is
    // sent is names and numbers, and SNS encrypts its disks.
    this.topic = new Topic(this, 'Topic', {
      topicName: `${stackName}-alarms`,
      displayName: `${stackName} alarms`,
      enforceSSL: true,
    })
    const { partition, region, account } = Stack.of(this)
    this.topic.addToResourcePolicy(
      new PolicyStatement({
        sid: 'AlarmsOfThisStack',
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [this.topic.topicArn],
        conditions: {
          ArnLike: {
            'aws:SourceArn': `arn:${partition}:cloudwatch:${region}:${account}:alarm:${stackName}-*`,
          },
          StringEquals: { 'aws:SourceAccount': account },
        },
      }),
    )
    acknowledge(
      this,
      'Serverless-SNSRedrivePolicy',
      'An e-mail that does not arrive is an alarm that still stands in CloudWatch',
    )
    if (alarmEmail !== '') this.topic.addSubscription(new EmailSubscription(alarmEmail))
  }
}
