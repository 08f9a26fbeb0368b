/** Something that an audit found; `needsPerson` when somebody has to look. `tag` and `version` where it is about one. */
export type Finding = {
  name: string
  detail: string
  needsPerson: boolean
  tag?: string
  version?: number
  /** Both statements of a contradiction, as the gateways sent them. */
  statements?: readonly unknown[]
}

type About = Omit<Finding, 'name' | 'detail' | 'needsPerson'>

/** A finding that somebody has to look at. */
export function urgent(name: string, detail: string, about: About = {}): Finding {
  return { name, detail, needsPerson: true, ...about }
}

/** A finding that is only to be known. */
export function remark(name: string, detail: string, about: About = {}): Finding {
  return { name, detail, needsPerson: false, ...about }
}
