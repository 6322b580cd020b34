/// Tensors, their types, derivatives, the compiler and the reference interpreter. Needs nothing but `java.base`.
module dev.nacre {
    exports dev.nacre;
    exports dev.nacre.autodiff;
    exports dev.nacre.compile;
    exports dev.nacre.compile.loop;
    exports dev.nacre.ir;
    exports dev.nacre.reference;
    exports dev.nacre.type;

    uses dev.nacre.compile.Backend;
}
