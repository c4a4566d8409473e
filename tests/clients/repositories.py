"""Package repositories with one package, `tinypkg` 1.0, built with each tool's own programs.

A script runs in an empty directory, and leaves the repository in the folder of its name. `{url}` is
that folder's address.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A repository, and how its reader is run here: without root, and in the same directory.

    `programs` are those that it needs, with Debian's packages. `shown` is in its block of the page,
    of which `here` are the parts that are replaced. `gets` is what the reader must have got.
    """

    name: str
    shown: str
    programs: Mapping[str, str]
    build: str
    gets: str
    here: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


_APT: Final = r"""
mkdir -p deb/DEBIAN apt etc/apt/{auth,sources.list,apt.conf,preferences,trusted.gpg}.d
mkdir -p etc/apt/auth.conf.d var/lib/apt/lists/partial var/cache/apt/archives/partial
printf '%s\n' 'Package: tinypkg' 'Version: 1.0' 'Architecture: all' 'Maintainer: A <a@example.com>' \
  'Description: tiny' > deb/DEBIAN/control
dpkg-deb --build deb apt/tinypkg_1.0_all.deb
dpkg-scanpackages --multiversion apt > apt/Packages
touch status
printf '%s "%s";\n' Dir "$PWD" Dir::Etc "$PWD/etc/apt" Dir::State::status "$PWD/status" \
  APT::Sandbox::User "$(id -un)" > apt.conf
"""
_DNF: Final = r"""
mkdir -p etc/yum.repos.d root log
printf '%s\n' 'Name: tinypkg' 'Version: 1.0' 'Release: 1' 'Summary: tiny' 'License: MIT' \
  'BuildArch: noarch' '%description' 'tiny' '%files' > tinypkg.spec
rpmbuild -bb --quiet --define "_topdir $PWD/build" --define "_rpmdir $PWD/rpm" tinypkg.spec
createrepo_c -q rpm
"""
_NPM: Final = r"""
mkdir -p package npm/@acme
echo '{"name": "@acme/tinypkg", "version": "1.0.0"}' > package/package.json
npm pack ./package --json --pack-destination npm/@acme > packed.json
jq --arg at '{url}@acme/' --slurpfile manifest package/package.json '.[0] | {
  name, "dist-tags": {latest: .version},
  versions: {(.version): ($manifest[0] + {dist: {integrity, tarball: ($at + .filename)}})}
}' packed.json > npm/@acme/tinypkg
rm -r "$HOME/.npm"  # else npm takes the package from its cache
mkdir app
"""
_CARGO: Final = r"""
mkdir -p package/src user/src cargo/ti/ny
printf '[package]\nname = "tinypkg"\nversion = "1.0.0"\nedition = "2021"\n' > package/Cargo.toml
touch package/src/lib.rs
printf '[package]\nname = "user"\nversion = "1.0.0"\nedition = "2021"\n' > user/Cargo.toml
echo 'fn main() {}' > user/src/main.rs
cargo package -q --no-verify --manifest-path package/Cargo.toml
cp package/target/package/tinypkg-1.0.0.crate cargo/
echo '{"dl": "{url}{crate}-{version}.crate", "auth-required": true}' > cargo/config.json
sum=$(sha256sum cargo/tinypkg-1.0.0.crate | cut -d ' ' -f 1)
jq -c --null-input --arg cksum "$sum" '{
  name: "tinypkg", vers: "1.0.0", deps: [], features: {}, yanked: false, $cksum
}' > cargo/ti/ny/tinypkg
"""
_RUBY: Final = r"""
mkdir -p gems/gems gems/quick/Marshal.4.8
printf '%s\n' 'Gem::Specification.new do |s|' 's.name = "tinypkg"; s.version = "1.0"' \
  's.summary = "tiny"; s.authors = ["A"]; s.files = []' 'end' > tinypkg.gemspec
gem build -q tinypkg.gemspec -o gems/gems/tinypkg-1.0.gem
ruby -rrubygems/package -rzlib -e '
  spec = Gem::Package.new("gems/gems/tinypkg-1.0.gem").spec
  quick = Zlib::Deflate.deflate(Marshal.dump(spec))
  File.binwrite("gems/quick/Marshal.4.8/tinypkg-1.0.gemspec.rz", quick)
  all = [["tinypkg", spec.version, "ruby"]]
  {"" => all, "latest_" => all, "prerelease_" => []}.each do |which, specs|
    File.binwrite("gems/#{which}specs.4.8.gz", Zlib.gzip(Marshal.dump(specs)))
  end'
"""
_NIX: Final = r"""
mkdir source && echo tiny > source/tinypkg
path=$(nix --store "$PWD/store" store add --name tinypkg source)
nix --store "$PWD/store" copy --to "file://$PWD/nix" "$path"
"""
GO: Final = r"""
mkdir -p go/example.com/tinypkg/@v 'module/example.com/tinypkg@v1.0.0' user
at=go/example.com/tinypkg/@v
echo v1.0.0 > $at/list
echo '{"Version": "v1.0.0"}' > $at/v1.0.0.info
echo 'module example.com/tinypkg' > $at/v1.0.0.mod
cp $at/v1.0.0.mod 'module/example.com/tinypkg@v1.0.0/go.mod'
echo 'package tinypkg' > 'module/example.com/tinypkg@v1.0.0/tinypkg.go'
python3 -c '
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as archive:
    for name in sys.argv[2:]:
        archive.write("module/" + name, name)
' $at/v1.0.0.zip example.com/tinypkg@v1.0.0/{go.mod,tinypkg.go}
echo 'module example.com/user' > user/go.mod
"""

_NIX_FEATURES: Final = "extra-experimental-features = nix-command\nbuild-users-group =\n"
_DNF_HERE: Final = (
    "dnf -q -y --installroot=$PWD/root --setopt=reposdir=$PWD/etc/yum.repos.d --releasever=1 "
    "--setopt=cachedir=$PWD/cache --setopt=logdir=$PWD/log install --downloadonly --downloaddir=. "
)
REPOSITORIES: Final = [
    Repository(
        name="apt",
        shown="apt-get update",
        programs={"apt-get": "apt", "dpkg-scanpackages": "dpkg-dev"},
        build=_APT,
        gets="tinypkg_1.0_all.deb",
        here={
            "sudo tee /etc/": "tee etc/",
            "sudo apt-get update": "apt-get update",
            "sudo apt-get install": "apt-get download",
        },
        environment={"APT_CONFIG": "apt.conf"},
    ),
    Repository(
        name="rpm",
        shown="dnf install",
        programs={"dnf": "dnf", "createrepo_c": "createrepo-c", "rpmbuild": "rpm"},
        build=_DNF,
        gets="tinypkg-1.0-1.noarch.rpm",
        here={"sudo tee /etc/": "tee etc/", "sudo dnf install ": _DNF_HERE},
    ),
    Repository(
        name="npm",
        shown="npm install",
        programs={"npm": "npm", "jq": "jq"},
        build=_NPM,
        gets="app/node_modules/@acme/tinypkg/package.json",
        here={"npm install ": "cd app && npm install --no-audit --no-fund "},
    ),
    Repository(
        name="cargo",
        shown="cargo add",
        programs={"cargo": "cargo", "jq": "jq"},
        build=_CARGO,
        gets=".cargo/registry/cache/*/tinypkg-1.0.0.crate",
        here={"cargo add ": "cd user && cargo add "},
    ),
    Repository(
        name="gems",
        shown="gem install",
        programs={"gem": "ruby"},
        build=_RUBY,
        gets="installed/gems/tinypkg-1.0",
        environment={"GEM_HOME": "installed"},
    ),
    Repository(
        name="nix",
        shown="nix copy",
        programs={"nix": "nix-bin"},
        build=_NIX,
        gets="other/nix/store/*-tinypkg/tinypkg",
        here={
            "nix copy ": "path=$(sed -n 's/^StorePath: //p' nix/*.narinfo)\n"
            'nix --store "$PWD/other" copy --no-check-sigs '
        },
        environment={"NIX_CONFIG": _NIX_FEATURES},
    ),
]
