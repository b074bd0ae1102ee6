/** The head that stands for each head: the walk of FIND_DOMINATING over the rows of S; a row that strictly contains
 * the present one wins, of equal rows the later (arXiv 2404.01306, Algorithm 1). A removed head (all-false row)
 * stands for itself. */
export function dominatingHeads(similar: readonly (readonly boolean[])[]): number[] {
  return similar.map((row, i) => {
    if (!row.includes(true)) return i;
    let best = i;
    for (let j = 0; j < similar.length; j++) {
      const relation = compare(similar[best]!, similar[j]!);
      if (relation === 'inside' || (relation === 'equal' && best < j)) best = j;
    }
    return best;
  });
}

/** Follows each dominating head to the end of its chain: only the ends stay. The relation is a partial order, so
 * there are no cycles. */
export function representatives(dominating: readonly number[]): number[] {
  return dominating.map((head) => {
    let end = head;
    while (dominating[end] !== end) end = dominating[end]!;
    return end;
  });
}

function compare(a: readonly boolean[], b: readonly boolean[]): 'equal' | 'inside' | 'other' {
  if (a.some((value, k) => value && !b[k])) return 'other';
  return a.every((value, k) => value === b[k]) ? 'equal' : 'inside';
}
