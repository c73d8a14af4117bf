use yew::prelude::*;

use crate::qr::Code;
use crate::strings;

/// Light modules around the code, which scanners need [ISO/IEC 18004, 9.1].
const QUIET_ZONE: usize = 4;

/// `text` as a QR code; nothing if it is too long for one.
pub(super) fn qr(text: &str) -> Option<Html> {
    let code = Code::new(text)?;
    let mut path = String::new();
    for (x, y) in code.dark() {
        path.push_str(&format!("M{} {}h1v1h-1z", x + QUIET_ZONE, y + QUIET_ZONE));
    }
    let side = code.width() + 2 * QUIET_ZONE;
    Some(html! {
        <svg class="qr" data-testid="qr" viewBox={format!("0 0 {side} {side}")} role="img" aria-label={strings::QR_LABEL}
            shape-rendering="crispEdges"><path d={path} /></svg>
    })
}
