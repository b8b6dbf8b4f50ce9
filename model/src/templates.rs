//! The one template environment: every text that we write in other people's formats.

use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value};

/// Every built-in template with its name.
const BUILT_IN: [(&str, &str); 15] = [
    ("local.ipxe", include_str!("../templates/local.ipxe.j2")),
    ("shell.ipxe", include_str!("../templates/shell.ipxe.j2")),
    ("blocked.ipxe", include_str!("../templates/blocked.ipxe.j2")),
    ("unknown.ipxe", include_str!("../templates/unknown.ipxe.j2")),
    ("grub.cfg", include_str!("../templates/grub.cfg.j2")),
    ("image.grub", include_str!("../templates/image.grub.j2")),
    ("shell.grub", include_str!("../templates/shell.grub.j2")),
    ("blocked.grub", include_str!("../templates/blocked.grub.j2")),
    ("local.grub", include_str!("../templates/local.grub.j2")),
    ("autoexec.ipxe", include_str!("../templates/autoexec.ipxe.j2")),
    ("preseed.cfg", include_str!("../templates/preseed.cfg.j2")),
    ("installer-start.sh", include_str!("../templates/installer-start.sh.j2")),
    ("installer-disk.sh", include_str!("../templates/installer-disk.sh.j2")),
    ("installer-end.sh", include_str!("../templates/installer-end.sh.j2")),
    ("user-data.yaml", include_str!("../templates/user-data.yaml.j2")),
];

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_syntax(
        SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .keep_trailing_newline(true)
            .build()
            .expect("standard delimiters are valid"),
    );
    // JSON strings are YAML double-quoted scalars (YAML 1.2 section 1.3), so no value can break out of its place.
    environment.add_filter("q", |value: &str| {
        serde_json::to_string(value).expect("a string always serialises")
    });
    environment.add_filter("sh", |value: &str| crate::install::quote::sh(value));
    for (name, source) in BUILT_IN {
        environment
            .add_template(name, source)
            .expect("built-in templates parse, a test renders each");
    }
    environment
});

/// Renders a built-in template.
///
/// # Panics
/// If the template uses a value that is not given; each template has a test that renders it with every branch.
pub(crate) fn render(template: &str, values: &serde_json::Value) -> String {
    ENVIRONMENT
        .get_template(template)
        .and_then(|t| t.render(Value::from(Serde(values))))
        .expect("built-in templates get every value they use, a test renders each")
}
