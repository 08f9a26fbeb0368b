/** One thing for each owner (an app's deps, a store): made when it is first asked for, gone with its owner. */
export function keptFor<Owner extends object, Kept>(create: (owner: Owner) => Kept): (owner: Owner) => Kept {
  const kept = new WeakMap<Owner, Kept>()
  return (owner) => {
    const known = kept.get(owner)
    if (known !== undefined) return known
    const fresh = create(owner)
    kept.set(owner, fresh)
    return fresh
  }
}
