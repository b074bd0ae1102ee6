/** A token that may go on a running hypothesis. */
export interface Candidate {
  /** Place of the hypothesis. */
  readonly parent: number;
  readonly token: number;
  readonly score: number;
}

/** The `count` best tokens of all rows of scores, best first, of equal ones the earlier; fewer where others are ruled out. */
export function bestCandidates(rows: readonly Float32Array[], count: number): Candidate[] {
  const best: Candidate[] = [];
  let bar = Number.NEGATIVE_INFINITY;
  for (const [parent, scores] of rows.entries()) {
    for (let token = 0; token < scores.length; token++) {
      const score = scores[token]!;
      if (!(score > bar)) continue;
      let at = best.length;
      while (at > 0 && best[at - 1]!.score < score) at--;
      best.splice(at, 0, { parent, token, score });
      if (best.length > count) best.pop();
      if (best.length === count) bar = best[count - 1]!.score;
    }
  }
  return best;
}
