# The libraries: target/lib/libsipwright.so.0 (linked from the static one, see scripts/link-shared.sh), libsipwright.a, sipwright.pc.
#
#   make lib        build them
#   make install    PREFIX= DESTDIR=; also LIBDIR=, INCLUDEDIR=
#   make examples   the C and C++ examples, in target/examples-c
#   make deb        one Debian package with all of it, in dist
#   make test-abi   the C and C++ programs of tests/abi against them

LIB_OUT    ?= target/lib
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
CMAKEDIR   ?= $(LIBDIR)/cmake/sipwright
MANDIR     ?= $(PREFIX)/share/man
LIB_FEATURES ?= full
CARGO_TARGET_DIR ?= target
LIB_PRIVATE := -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc
EXAMPLES_OUT := target/examples-c
C_EXAMPLES   := $(patsubst examples/c/%.c,$(EXAMPLES_OUT)/%,$(wildcard examples/c/*.c))
CPP_EXAMPLES := $(patsubst examples/cpp/%.cpp,$(EXAMPLES_OUT)/%_cpp,$(wildcard examples/cpp/*.cpp))
WARN := -Wall -Wextra -Wpedantic -Werror


.PHONY: lib deb install install-files uninstall examples test-abi

lib: need-cargo need-cc
	$(CARGO) rustc --release --lib --crate-type staticlib --features $(LIB_FEATURES)
	@mkdir -p $(LIB_OUT)
	cp $(CARGO_TARGET_DIR)/release/libsipwright.a $(LIB_OUT)/libsipwright.a
	SIPWRIGHT_LIBS="$(LIB_PRIVATE)" sh scripts/link-shared.sh $(LIB_OUT)/libsipwright.a include/sipwright.h $(LIB_OUT) $(VERSION)
	@$(call fill,scripts/sipwright.pc.in,$(abspath $(LIB_OUT)/..),$(abspath $(LIB_OUT)),$(abspath include)) > $(LIB_OUT)/sipwright.pc

fill = sed -e 's|@PREFIX@|$(2)|' -e 's|@LIBDIR@|$(3)|' -e 's|@INCLUDEDIR@|$(4)|' -e 's|@VERSION@|$(VERSION)|' -e 's|@LIBS@|$(LIB_PRIVATE)|' $(1)

$(LIB_OUT)/libsipwright.so.0:
	$(MAKE) --no-print-directory lib

examples: $(C_EXAMPLES) $(CPP_EXAMPLES)

$(EXAMPLES_OUT)/%: examples/c/%.c include/sipwright.h $(LIB_OUT)/libsipwright.so.0
	@mkdir -p $(EXAMPLES_OUT)
	$(CC) -O1 -g $(WARN) -Iinclude -o $@ $< -L$(LIB_OUT) -Wl,-rpath,$(abspath $(LIB_OUT)) -lsipwright

$(EXAMPLES_OUT)/%_cpp: examples/cpp/%.cpp include/sipwright.hpp include/sipwright.h $(LIB_OUT)/libsipwright.so.0
	@mkdir -p $(EXAMPLES_OUT)
	$(CXX) -std=c++17 -O1 -g $(WARN) -Iinclude -o $@ $< -L$(LIB_OUT) -Wl,-rpath,$(abspath $(LIB_OUT)) -lsipwright

install: lib install-files

install-files:
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCLUDEDIR) $(DESTDIR)$(CMAKEDIR) $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(MANDIR)/man3
	install -m 644 include/sipwright.h include/sipwright.hpp $(DESTDIR)$(INCLUDEDIR)/
	install -m 644 $(LIB_OUT)/libsipwright.a $(DESTDIR)$(LIBDIR)/
	install -m 755 $(LIB_OUT)/libsipwright.so.$(VERSION) $(DESTDIR)$(LIBDIR)/
	ln -sf libsipwright.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libsipwright.so.0
	ln -sf libsipwright.so.0 $(DESTDIR)$(LIBDIR)/libsipwright.so
	$(call fill,scripts/sipwright.pc.in,$(PREFIX),$(LIBDIR),$(INCLUDEDIR)) > $(DESTDIR)$(LIBDIR)/pkgconfig/sipwright.pc
	$(call fill,bindings/cpp/sipwrightConfig.cmake.in,$(PREFIX),$(LIBDIR),$(INCLUDEDIR)) > $(DESTDIR)$(CMAKEDIR)/sipwrightConfig.cmake
	$(call fill,bindings/cpp/sipwrightConfigVersion.cmake.in,$(PREFIX),$(LIBDIR),$(INCLUDEDIR)) > $(DESTDIR)$(CMAKEDIR)/sipwrightConfigVersion.cmake
	install -m 644 docs/man/sipwright.1 $(DESTDIR)$(MANDIR)/man1/
	install -m 644 docs/man/sipwright.3 $(DESTDIR)$(MANDIR)/man3/
	test ! -x $(CARGO_TARGET_DIR)/release/sipwright || install -m 755 $(CARGO_TARGET_DIR)/release/sipwright $(DESTDIR)$(PREFIX)/bin/

uninstall:
	rm -f $(DESTDIR)$(LIBDIR)/libsipwright.a $(DESTDIR)$(LIBDIR)/libsipwright.so* $(DESTDIR)$(LIBDIR)/pkgconfig/sipwright.pc
	rm -f $(DESTDIR)$(INCLUDEDIR)/sipwright.h $(DESTDIR)$(INCLUDEDIR)/sipwright.hpp $(DESTDIR)$(MANDIR)/man1/sipwright.1 $(DESTDIR)$(MANDIR)/man3/sipwright.3 \
	    $(DESTDIR)$(PREFIX)/bin/sipwright
	rm -rf $(DESTDIR)$(CMAKEDIR)

# The program comes along when `make all` built it.
DEB_ARCH  = $(shell dpkg --print-architecture)
DEB_STAGE := target/deb
deb: lib
	rm -rf $(DEB_STAGE)
	$(MAKE) --no-print-directory install-files PREFIX=/usr DESTDIR=$(DEB_STAGE) LIBDIR=/usr/lib/$(shell $(CC) -print-multiarch)
	install -d $(DEB_STAGE)/DEBIAN dist
	printf 'Package: sipwright\nVersion: %s\nArchitecture: %s\nMaintainer: sipwright maintainers <sipwright@localhost>\nSection: libs\nPriority: optional\nDepends: libc6 (>= 2.34), libgcc-s1\nDescription: SIP and RTP engine with an event-callback C interface\n Shared and static library, headers for C and C++, pkg-config and CMake files.\n' '$(VERSION)' '$(DEB_ARCH)' > $(DEB_STAGE)/DEBIAN/control
	printf 'activate-noawait ldconfig\n' > $(DEB_STAGE)/DEBIAN/triggers
	dpkg-deb --root-owner-group --build $(DEB_STAGE) dist/sipwright_$(VERSION)_$(DEB_ARCH).deb

test-abi: lib
	SIPWRIGHT_LIB=$(abspath $(LIB_OUT)) $(CARGO) nextest run --features full --test abi
