//! Images of products: drawn from the product's number, the same everywhere and always.

use std::fmt::Write;

/// The image of a product, as SVG.
pub fn of_product(product: i32) -> String {
    let seed = spread(u64::from(product.unsigned_abs()));
    let hue = seed % 360;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 64 64\">\
         <rect width=\"64\" height=\"64\" rx=\"8\" fill=\"hsl({hue} 60% 88%)\"/>"
    );
    for shape in 0..4 {
        let bits = spread(seed.wrapping_add(shape));
        let (x, y, size) = (8 + bits % 40, 8 + (bits >> 8) % 40, 8 + (bits >> 16) % 16);
        let tint = (hue + 40 * shape) % 360;
        // Writing to a string cannot fail.
        let _ = if bits & (1 << 32) == 0 {
            write!(
                svg,
                "<circle cx=\"{x}\" cy=\"{y}\" r=\"{size}\" fill=\"hsl({tint} 55% 55%)\" opacity=\".7\"/>"
            )
        } else {
            write!(
                svg,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{size}\" height=\"{size}\" fill=\"hsl({tint} 55% 45%)\" opacity=\".7\"/>"
            )
        };
    }
    svg.push_str("</svg>");
    svg
}

/// Neighbouring numbers become very different ones (the finalizer of MurmurHash3).
fn spread(mut n: u64) -> u64 {
    n = (n ^ (n >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    n = (n ^ (n >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    n ^ (n >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_product_has_an_image_of_its_own() {
        assert_eq!(of_product(7), of_product(7));
        assert_ne!(of_product(7), of_product(8));
        assert!(of_product(7).starts_with("<svg") && of_product(7).ends_with("</svg>"));
    }
}
