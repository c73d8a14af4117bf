use yew::prelude::*;

use crate::spark;
use crate::store::Series;

/// The recent past of a number. It takes its room whether there is a past or
/// not, so that nothing moves when there is.
pub(super) fn sparkline(series: &Series) -> Html {
    let drawn = spark::paths(&series.points).map(|paths| {
        html! { <>
            <path class="area" d={paths.area} />
            <path class="line" vector-effect="non-scaling-stroke" d={paths.line} />
            <path class="end" vector-effect="non-scaling-stroke" d={paths.end} />
        </> }
    });
    let view = format!("0 0 {} {}", spark::WIDTH, spark::HEIGHT);
    html! {
        <svg class="spark" viewBox={view} preserveAspectRatio="none" aria-hidden="true" focusable="false">
            { for drawn }
        </svg>
    }
}
