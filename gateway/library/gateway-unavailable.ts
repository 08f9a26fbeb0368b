/** A gateway did not answer, or said that it has no list: never a statement about a tag. */
export class GatewayUnavailable extends Error {
  override readonly name = 'GatewayUnavailable'
}
