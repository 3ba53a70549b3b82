//! `b2c.filesystem`.

use crate::diagnostic::{Problem, Report};
use crate::located::Slice;
use crate::secret::Secret;
use crate::table::{OptionSpec, closest};
use crate::values::{self, Result};

/// A file system that other options can name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filesystem {
    /// How they name it.
    pub name: String,
    /// What is mounted: a device, a share.
    pub src: String,
    /// `None` is found out.
    pub kind: Option<String>,
    /// Mount options. A share's password may be among them.
    pub opts: Secret<Vec<String>>,
}

pub(super) static FILESYSTEM: OptionSpec = OptionSpec {
    name: "b2c.filesystem",
    aliases: &[],
    value: "NAME,src=SRC[,type=TYPE][,opts=OPT[|OPT…]]",
    default: "",
    repeatable: true,
    help: "A file system under a short name.",
    doc: "It is mounted where another option names it: `b2c.cache_device`, `b2c.volume` or `b2c.storage`. `opts` are mount options with `|` \
instead of `,`: generic ones (`ro`, `noexec`, `noatime`, …) and those of the file system. A key that is not known warns.

| `src` | `type` if it is not given | what is added to `opts` |
|---|---|---|
| `/dev/X` | by what it holds: ext4, xfs, btrfs, vfat, … | |
| `HOST:/PATH` | `nfs`: version 4.1, 4.0 or 3, the first that the server speaks, unless `vers=` says which | `addr`, `clientaddr`; `nolock` with version 3 |
| `//HOST/SHARE` | `cifs` | `ip`; without `username` it is a guest's |
| a tag | has to be given: `9p` or `virtiofs` | for 9p `trans=virtio`, `version=9p2000.L`, `msize=512000` |

Any other type that the kernel knows can be given, too. Names are resolved here; `credentials=FILE` of cifs is read from the initramfs (lines `username=`, `password=`, `domain=`), so that the password is \
not on the command line. A device that is not there, and a server that does not accept connections, are waited for, up to 10 s; a server that accepts them and then does not answer, 60 s.",
    example: "b2c.filesystem=\"shared,src=10.42.0.1:/images,type=nfs,opts=ro|nolock\"",
    marks: &[],
    update: |value, options, report| {
        options.filesystem.push(filesystem(value, report)?);
        Ok(())
    },
    refuse: None,
};

fn filesystem<'a>(value: Slice<'a>, report: &mut Report) -> Result<'a, Filesystem> {
    let (name, rest) = values::head(value);
    let name = values::name(name)?;
    let (mut src, mut kind, mut opts) = (None, None, Vec::new());
    for piece in values::pieces(rest) {
        match piece.key.text() {
            "src" => src = Some(values::owned(piece.needed()?)),
            "type" => kind = Some(values::name(piece.needed()?)?),
            "opts" => {
                let list = piece.needed()?;
                report.keep_secret(list);
                opts = values::texts(list, '|');
            }
            key => {
                // The value might be a password that a comma, and not `|`, was written before.
                report.keep_secret(piece.value.unwrap_or(piece.whole));
                let known = closest(key, ["src", "type", "opts"].into_iter()).unwrap_or_default();
                let problem = Problem::new(piece.whole, "is not known and ignored");
                report.warn(
                    problem.help(format!("the closest known key is {known}; options are separated by |")),
                );
            }
        }
    }
    let src =
        src.ok_or_else(|| Problem::new(value, "lacks src=").help("say what is mounted: src=/dev/sda1"))?;
    Ok(Filesystem { name, src, kind, opts: Secret::new(opts) })
}
