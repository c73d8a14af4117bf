use qrcode::{Color, EcLevel, QrCode};
use yew::prelude::*;

use crate::strings;

/// Light modules around the code, which scanners need [ISO/IEC 18004, 9.1].
const QUIET_ZONE: usize = 4;

/// `text` as a QR code; nothing if it is too long for one.
pub(super) fn qr(text: &str) -> Option<Html> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let width = code.width();
    let mut path = String::new();
    for (at, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            let (x, y) = (at % width + QUIET_ZONE, at / width + QUIET_ZONE);
            path.push_str(&format!("M{x} {y}h1v1h-1z"));
        }
    }
    let side = width + 2 * QUIET_ZONE;
    Some(html! {
        <svg class="qr" data-testid="qr" viewBox={format!("0 0 {side} {side}")} role="img" aria-label={strings::QR_LABEL}
            shape-rendering="crispEdges"><path d={path} /></svg>
    })
}
