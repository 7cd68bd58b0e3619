//! Where the boxes of a flow stand: columns from left to right, each box at the height of those it hangs together with.

/// A box.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) column: usize,
    /// Boxes of one group stand together, in the order in which they came.
    pub(super) group: Option<usize>,
    pub(super) y: u32,
}

/// The height of a box, and what is between two.
pub(super) const BOX: u32 = 30;
const GAP: u32 = 10;
/// The title of a group, and what is between two groups.
pub(super) const TITLE: u32 = 26;
const GROUP_GAP: u32 = 22;

/// Puts every box in its place and says how high the whole is. The boxes of `middle` keep their order; the others of a
/// column go where the boxes are that they have edges with.
pub(super) fn place(nodes: &mut [Node], edges: &[(usize, usize)], middle: usize) -> u32 {
    let columns = nodes.iter().map(|node| node.column).max().unwrap_or_default();
    let boxes = |column| nodes.iter().filter(|node| node.column == column).count();
    // Where another column is longer, boxes without groups are spread over its length.
    let longest = (0..=columns).map(boxes).max().unwrap_or_default();
    let length = u32::try_from(longest / boxes(middle).max(1)).unwrap_or(1).max(1);
    let step = length.saturating_mul(BOX + GAP);
    let (mut y, mut group, mut height) = (0, None, 0);
    for node in nodes.iter_mut().filter(|node| node.column == middle) {
        if node.group != group {
            y += if group.is_some() { GROUP_GAP } else { 0 };
            y += if node.group.is_some() { TITLE } else { 0 };
            group = node.group;
        }
        node.y = y;
        height = y + BOX;
        y += if node.group.is_some() { BOX + GAP } else { step };
    }
    let order = (0..=columns).filter(|column| *column < middle).rev();
    for column in order.chain(middle + 1..=columns) {
        let beside = if column < middle { column + 1 } else { column.saturating_sub(1) };
        height = height.max(place_column(nodes, edges, column, beside, height));
    }
    height
}

fn place_column(
    nodes: &mut [Node],
    edges: &[(usize, usize)],
    column: usize,
    beside: usize,
    height: u32,
) -> u32 {
    let mut wanted: Vec<(u32, usize)> = Vec::new();
    for (at, _) in nodes.iter().enumerate().filter(|(_, node)| node.column == column) {
        let others = edges.iter().filter_map(|(from, to)| match at {
            at if at == *from => Some(*to),
            at if at == *to => Some(*from),
            _ => None,
        });
        let others = others.filter_map(|other| nodes.get(other)).filter(|other| other.column == beside);
        let (count, sum) = others.fold((0_u32, 0_u32), |(count, sum), other| (count + 1, sum + other.y));
        // Those that hang together with nothing come last.
        wanted.push((sum.checked_div(count).unwrap_or(height), at));
    }
    wanted.sort_unstable();
    let total = u32::try_from(wanted.len()).unwrap_or(u32::MAX).saturating_mul(BOX + GAP);
    let mut free = 0;
    let mut left = total;
    for (y, at) in wanted {
        // No lower than leaves room for those that follow, where the drawing has the room.
        let lowest = (height + GAP).saturating_sub(left).max(free);
        let y = y.clamp(free, lowest);
        if let Some(node) = nodes.get_mut(at) {
            node.y = y;
        }
        free = y + BOX + GAP;
        left = left.saturating_sub(BOX + GAP);
    }
    free.saturating_sub(GAP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_boxes_of_a_column_overlap_and_each_is_near_its_own() {
        let node = |column, group| Node { column, group, y: 0 };
        let mut nodes: Vec<Node> = (0..6).map(|n| node(1, Some(n / 3))).collect();
        nodes.extend((0..4).map(|_| node(0, None)));
        nodes.extend((0..2).map(|_| node(2, None)));
        let edges = [(6, 5), (7, 0), (8, 1), (4, 10), (5, 10), (0, 11)];
        let height = place(&mut nodes, &edges, 1);
        for column in 0..3 {
            let mut at: Vec<u32> = nodes.iter().filter(|it| it.column == column).map(|it| it.y).collect();
            at.sort_unstable();
            assert!(at.windows(2).all(|two| two[0] + BOX < two[1]), "{column}: {at:?}");
            assert!(at.iter().all(|y| y + BOX <= height), "{column}: {at:?} of {height}");
        }
        assert!(nodes[7].y < nodes[8].y && nodes[8].y < nodes[6].y);
        assert!(nodes[11].y < nodes[10].y);
    }
}
