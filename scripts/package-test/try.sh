#!/bin/sh
# Installs the packages whose tarballs are in the current folder into a new folder try/, and runs the
# programs beside this script there. The release workflow does so on every platform.
set -e
programs=$(dirname "$0")
mkdir try
cp "$programs"/* try
cd try
platform=$(node -p "
  const { glibcVersionRuntime } = process.report.getReport().header;
  const libc = glibcVersionRuntime === undefined ? 'musl' : 'glibc';
  [process.platform, process.arch, ...(process.platform === 'linux' ? [libc] : [])].join('-')")
npm init -y
npm install --ignore-scripts ../overlapped-[0-9]*.tgz ../overlapped-"$platform"-[0-9]*.tgz
for program in module.mjs commonjs.cjs runtime.mjs; do
  mkdir "work-$program"
  node "$program" "work-$program"
done
